package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/mountinfo"
)

// How long after a file was last written to somebody may still be about it:
// where the kernel tells who has it open for writing, and where it does not.
const (
	openBound  = 10 * time.Second
	blindBound = time.Second
)

// young reports whether a file is being written. A lease to read (fcntl(2)) is
// only given where nobody has it open for writing; it is given back at once.
// Who has no right to leases (a confined agent) goes by the time alone. A time
// in the future says nothing.
func young(d dirFD, name string, st *unix.Statx_t) bool {
	age := time.Duration(time.Now().UnixNano() - stampOf(st).MTime)
	if age > openBound || age < -openBound {
		return false
	}
	fd, err := d.openRead(name, unix.O_NONBLOCK)
	if err != nil {
		return age < blindBound
	}
	defer dirFD(fd).Close()
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK) // closing does it too
		return false
	case errors.Is(err, unix.EAGAIN):
		return true
	}
	return age < blindBound
}

// digestIn hashes a file.
func digestIn(ctx context.Context, d dirFD, name, label string) (hosts.Content, error) {
	f, err := openRegular(d, name, label)
	if err != nil {
		return hosts.Content{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	sum := sha256.New()
	buf := copyBufs.Get().(*[]byte)
	defer copyBufs.Put(buf)
	n, err := io.CopyBuffer(onlyWriter{sum}, &ctxReader{ctx, f}, *buf)
	if err != nil {
		return hosts.Content{}, bare(err)
	}
	same, err := f.unchanged()
	if err == nil && (!same || n != f.stamp().Size) {
		err = hosts.ErrTorn
	}
	return hosts.Content{Size: n, ID: hosts.ID(sum.Sum(nil))}, err
}

// hashOf gives the hash of a file; none of one that is written to meanwhile, which is
// told by its size and time.
func hashOf(ctx context.Context, d dirFD, name, label string) (hosts.ID, error) {
	c, err := digestIn(ctx, d, name, label)
	if errors.Is(err, hosts.ErrTorn) {
		return hosts.ID{}, nil
	}
	return c.ID, err
}

// Read implements hosts.Tree.
func (t *tree) Read(ctx context.Context, rel string, buf []byte, begin func(hosts.TreeEntry) error, data func([]byte) error, hole func(int64) error) error {
	wrap := func(err error) error { return &fs.PathError{Op: "read", Path: t.abs(rel), Err: err} }
	if t.excludedAbove(rel) {
		return wrap(fs.ErrNotExist)
	}
	d, name, release, err := t.parent(rel)
	if err != nil {
		return wrap(err)
	}
	f, err := openRegular(d, name, t.abs(rel))
	release()
	if err != nil {
		return wrap(bare(err))
	}
	defer f.Close() //nolint:errcheck // opened for reading
	was := f.stamp()
	if was.Dev != t.device { // as of all files of an overlay whose parts lie on two file systems
		mounts, err := t.h.mounts()
		if err == nil && mounts.has(t.abs(rel), f.st) {
			err = hosts.ErrMountPoint
		}
		if err != nil {
			return wrap(err)
		}
	}
	e := hosts.TreeEntry{Path: rel, Node: hosts.Node{Type: hosts.File, Content: hosts.Content{Size: was.Size}}, MTime: was.MTime}
	if err := begin(e); err != nil {
		return err
	}
	const block = 512                             // of st_blocks, whatever the file system's is
	sparse := int64(f.st.Blocks)*block < was.Size //nolint:gosec // bytes of a file
	r := segments{ctx: ctx, f: f, size: was.Size, buf: buf, data: data, hole: hole}
	if err := r.all(sparse); err != nil {
		return err
	}
	st, err := fstatx(f.fd)
	if err == nil && (stampOf(st).Size != was.Size || stampOf(st).MTime != was.MTime) {
		err = hosts.ErrTorn
	}
	if err != nil {
		return wrap(err)
	}
	return nil
}

// segments tells the first size bytes of a file.
type segments struct {
	ctx  context.Context // of the Read that it is part of
	f    *file
	size int64
	buf  []byte
	data func([]byte) error
	hole func(int64) error
}

func (s *segments) all(sparse bool) error {
	for at := int64(0); at < s.size; {
		from, to := at, s.size
		if sparse {
			var err error
			from, err = unix.Seek(s.f.fd, at, unix.SEEK_DATA)
			switch {
			case errors.Is(err, unix.ENXIO): // a hole to the end
				from = s.size
			case err != nil: // a file system without
				from, sparse = at, false
			}
			from = min(from, s.size)
			if sparse && from < s.size {
				if to, err = unix.Seek(s.f.fd, from, unix.SEEK_HOLE); err != nil {
					to = s.size
				}
				to = min(to, s.size)
			}
			if from > at {
				if err := s.hole(from - at); err != nil {
					return err
				}
			}
		}
		if err := s.run(from, to); err != nil {
			return err
		}
		at = to
		if from == s.size {
			at = s.size
		}
	}
	return nil
}

// run tells the bytes between two offsets.
func (s *segments) run(from, to int64) error {
	for from < to {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := s.f.ReadAt(s.buf[:min(int64(len(s.buf)), to-from)], from)
		if n > 0 {
			if err := s.data(s.buf[:n]); err != nil {
				return err
			}
			from += int64(n)
		}
		if errors.Is(err, io.EOF) && from < to {
			return &fs.PathError{Op: "read", Path: s.f.label, Err: hosts.ErrTorn}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// fileSystem says where the file system is mounted that a path is on, and what
// tells it from another one: its type, and the UUID of its device where it has one.
func (h *Host) fileSystem(p string, st *unix.Statx_t) (mount, identity string, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", "", fmt.Errorf("cannot read mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	dev := fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor)
	full := filepath.Join(h.root, p)
	for m, err := range mountinfo.Read(f) {
		if err != nil {
			return "", "", err
		}
		at := m.Point
		if !m.Gone && len(at) >= len(mount) && (full == at || strings.HasPrefix(full, strings.TrimSuffix(at, "/")+"/")) {
			mount, identity = at, m.Type // of two at one place the later is seen
			if uuid := deviceUUID(dev); uuid != "" {
				identity += " " + uuid
			}
		}
	}
	return mount, identity, nil
}

// deviceUUID is udev's name for the file system on a block device; "" where
// there is none.
func deviceUUID(dev string) string {
	const dir = "/dev/disk/by-uuid"
	links, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, l := range links {
		var st unix.Stat_t
		if unix.Stat(dir+"/"+l.Name(), &st) == nil && fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)) == dev {
			return l.Name()
		}
	}
	return ""
}
