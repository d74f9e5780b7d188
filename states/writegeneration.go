package states

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hikae/states/blob"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// genTime is how a generation is named.
const genTime = "20060102T150405.000Z"

// header is the file of a snapshot that differs although nothing changed: it
// holds the time.
const header = "snapshot.hcl"

// GenerationTime is when a generation was begun.
func GenerationTime(gen string) (time.Time, error) { return time.Parse(genTime, gen) }

// Stored waits until blobs are on the disk, before something that lasts names them,
// and is an error where one is not.
func (s *Store) Stored(ctx context.Context, names []string) error {
	why, disk := errors.New("they were not written"), s.Blobs
	if b, ok := disk.(*blob.Behind); ok {
		if err := b.Settle(); err != nil {
			why = err // or another's: then none of these is missing
		}
		disk = b.Store // what somebody puts again meanwhile is not there yet
	}
	missing, err := disk.Missing(ctx, names)
	if err != nil {
		return fmt.Errorf("cannot look for contents in the store: %w", err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("cannot store %d contents: %w", len(missing), why)
	}
	return nil
}

// WriteSnapshot stores a snapshot's files (names relative, slashes) as a new
// generation of host and refreshes the copy for people, which also gets the
// readable ones; with nil for them the copy stays as it is. Where nothing but the header differs from the newest
// generation, that one is kept and returned with changed false. Where the newest
// is the generation amend, it becomes what the files say.
func (s *Store) WriteSnapshot(host string, at time.Time, amend string, files, readable map[string][]byte) (gen string, changed bool, err error) {
	if err := CheckName(host); err != nil {
		return "", false, err
	}
	newest, err := s.Newest(host)
	if err == nil && s.sameGeneration(host, newest, files) {
		return newest, false, s.refresh(host, files, readable)
	}
	if err != nil || newest != amend {
		amend = ""
	}
	if t, err := time.Parse(genTime, newest); err == nil && !at.After(t) {
		// The newest by name is the newest, whatever the clock says.
		at = t.Add(time.Millisecond)
	}
	// The copy for people is made while the disk is waited for. Should there be no
	// generation to it, the next one makes another.
	copied := make(chan error, 1)
	go func() { copied <- s.refresh(host, files, readable) }()
	gen, err = s.writeGeneration(host, at, amend, files)
	refreshed := <-copied
	if err != nil {
		return "", false, fmt.Errorf("cannot write snapshot of %s: %w", host, err)
	}
	return gen, true, refreshed
}

// writeGeneration writes a generation aside and puts it in its place: amend's, or
// a new one named by the time.
func (s *Store) writeGeneration(host string, at time.Time, amend string, files map[string][]byte) (gen string, err error) {
	dir := filepath.Join(s.dir, ".store", "generations", host)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.dir, ".store", "tmp"), "gen-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // gone after the rename, or what was amended
	for name, data := range files {
		if err := writeBelow(tmp, name, data); err != nil {
			return "", err
		}
	}
	for {
		if gen = amend; gen == "" {
			gen = at.UTC().Format(genTime)
		}
		if err := errors.Join(writeBelow(tmp, sealName, s.seal(host, gen, files)), syncAll(tmp)); err != nil {
			return "", err
		}
		how := uint(unix.RENAME_NOREPLACE)
		if amend != "" {
			how = unix.RENAME_EXCHANGE // at no moment is there none
		}
		err := unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, filepath.Join(dir, gen), how)
		if err == nil {
			return gen, blob.SyncDir(dir)
		}
		switch {
		case amend != "" && errors.Is(err, unix.EINVAL):
			amend = "" // a file system that cannot exchange
			continue
		case amend == "" && errors.Is(err, unix.EINVAL):
			if err := os.Rename(tmp, filepath.Join(dir, gen)); err == nil {
				return gen, blob.SyncDir(dir)
			} else if !errors.Is(err, fs.ErrExist) {
				return "", err
			}
		case amend != "" || !errors.Is(err, fs.ErrExist):
			return "", &os.LinkError{Op: "renameat2", Old: tmp, New: filepath.Join(dir, gen), Err: err}
		}
		at = at.Add(time.Millisecond) // two at once
	}
}

// syncAll brings a few files and their directories to the disk: all at once, for
// one commit of its journal does for all who wait.
func syncAll(root string) error {
	var g errgroup.Group
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(p) //nolint:gosec // below our own store
		if err == nil {
			g.Go(func() error { return errors.Join(f.Sync(), f.Close()) })
		}
		return err
	})
	return errors.Join(err, g.Wait())
}

// sameGeneration reports whether a generation is authentic and differs from
// files in nothing but the header.
func (s *Store) sameGeneration(host, gen string, files map[string][]byte) bool {
	old, err := s.unseal(host, gen)
	if err != nil || len(old) != len(files) {
		return false
	}
	for name, data := range files {
		if was, ok := old[name]; !ok || name != header && !bytes.Equal(was, data) {
			return false
		}
	}
	return true
}

// Sealed names a generation as it is now: one that is amended gets another name.
func (s *Store) Sealed(host, gen string) (string, error) {
	if err := CheckName(host); err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, ".store", "generations", host, filepath.Base(gen), sealName))
	if err != nil {
		return "", fmt.Errorf("cannot read snapshot %s of %s: %w", gen, host, err)
	}
	return gen + " " + string(text[max(0, len(text)-2*sha256.Size-1):]), nil
}
