package states

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hikae/states/blob"
)

// When contents go: after so long in which nobody has put them, nor asked whether they
// are there. It is seen to once in a while.
const (
	unusedFor  = 30 * 24 * time.Hour
	cleanEvery = 24 * time.Hour
)

// Clean removes the contents that no generation names, nor any of some texts more, and
// that nobody has asked for in a month; it returns their bytes. More often than once a
// day it does nothing. Records are looked through too, for names in digits: those of
// today hold none, and who writes such a one need not think of this. Names in another
// form, as in RPMs, are for the caller to give.
//
// It may run beside whoever writes: who is about to name a content asks for it first
// (Stored), and one that was asked for is not removed. A name is found wherever it
// stands in them; so nothing needs to be understood, and what was tampered with
// keeps more, not less. Where anything cannot be read, nothing is removed.
func (s *Store) Clean(ctx context.Context, now time.Time, more ...[]byte) (removed int64, err error) {
	stamp := filepath.Join(s.dir, ".store", "cleaned")
	if info, err := os.Stat(stamp); err == nil && now.Sub(info.ModTime()) < cleanEvery && !info.ModTime().After(now) {
		return 0, nil
	}
	before := now.Add(-unusedFor)
	unused, err := s.dirs.Unused(ctx, before)
	if err == nil && len(unused) > 0 {
		if err = s.dropNamed(ctx, unused, more); err == nil {
			removed, err = s.dirs.Remove(ctx, unused, before)
		}
	}
	if err == nil {
		err = os.WriteFile(stamp, nil, 0o600)
	}
	if err == nil {
		err = os.Chtimes(stamp, now, now)
	}
	if err != nil {
		return removed, fmt.Errorf("cannot clean the store of what nobody uses: %w", err)
	}
	return removed, nil
}

// dropNamed takes out of some contents those that are named.
func (s *Store) dropNamed(ctx context.Context, unused map[string]bool, more [][]byte) error {
	for _, text := range more {
		dropIn(unused, text)
	}
	root := filepath.Join(s.dir, ".store")
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // thinned out, or amended: then it names what was asked for just now
		}
		if err != nil {
			return err
		}
		if p == filepath.Join(root, "blobs") || p == filepath.Join(root, "tmp") {
			return fs.SkipDir
		}
		if err := ctx.Err(); err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(p) //nolint:gosec // below our own store
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		dropIn(unused, text)
		return err
	})
}

// dropIn takes out what a text names, sealed or not.
func dropIn(unused map[string]bool, text []byte) {
	run := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isHex(text[i]) {
			run++
			continue
		}
		if run == blob.NameLen {
			name := string(text[i-run : i])
			delete(unused, name)
			delete(unused, name+blob.Sealed)
		}
		run = 0
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
