package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// reserveFrom is the size in bytes from which room is asked for before the
// first byte is written, so that a full disk says so at once.
const reserveFrom = 1 << 20

// createFile writes the temporary file and its metadata, and starts, but does
// not await, its way to the disk.
func (s *staged) createFile(ctx context.Context, d dirFD, m *meta, content io.Reader) error {
	if moved, err := s.moveFile(d, m, content); moved || err != nil {
		return err
	}
	fd, err := d.openat(s.temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), s.Path())
	defer f.Close() //nolint:errcheck // flush tells of what did not reach the disk
	size := s.node.Content.Size
	if size >= reserveFrom {
		err := retryErr(func() error { return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, size) })
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENOSYS) {
			return err
		}
	}
	if err := copyContent(ctx, f, s.node.Content, content); err != nil {
		return err
	}
	if err := m.onFile(fd, d, s.temp); err != nil {
		return err
	}
	// Best effort: flush is what makes sure.
	_ = unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	return nil
}

// moveFile makes the content's own file the temporary one, where it can be.
func (s *staged) moveFile(d dirFD, m *meta, content io.Reader) (bool, error) {
	from, ok := content.(hosts.Movable)
	// A file that is made anew has the label of its directory, where nothing
	// says another; one that is moved has not.
	if !ok || m.label == "" {
		return false, nil
	}
	mtime := settleBytes(from.FD(), s.node.Content.Size)
	if from.MoveTo(int(d), s.temp) != nil {
		return false, nil
	}
	s.settled = mtime
	fd, err := d.openRead(s.temp, 0)
	if err != nil {
		return true, err
	}
	defer dirFD(fd).Close()
	st, err := fstatx(fd)
	if err != nil {
		return true, err
	}
	if stamp := stampOf(st); nodeType(st.Mode) != hosts.File || stamp.Size != s.node.Content.Size {
		return true, fmt.Errorf("%w: %d bytes, want %d", errContent, stamp.Size, s.node.Content.Size)
	}
	return true, m.onFile(fd, d, s.temp)
}

var errContent = errors.New("the content is not the one that was planned")

// copyContent writes all of r, which must be just what c says: its size, and
// its SHA-256 where c has one (a sealed content's ID is keyed, and not known here).
func copyContent(ctx context.Context, f *os.File, c hosts.Content, r io.Reader) error {
	if r == nil {
		if c.Size != 0 {
			return fmt.Errorf("%w: none was given, want %d bytes", errContent, c.Size)
		}
		return nil
	}
	var w io.Writer = f
	var sum hash.Hash
	if !c.ID.IsZero() && !c.Sealed {
		sum = sha256.New()
		w = io.MultiWriter(f, sum)
	}
	buf := copyBufs.Get().(*[]byte)
	defer copyBufs.Put(buf)
	n, err := io.CopyBuffer(onlyWriter{w}, &ctxReader{ctx, io.LimitReader(r, c.Size+1)}, *buf)
	switch {
	case err != nil:
		return bare(err)
	case n > c.Size:
		return fmt.Errorf("%w: more than %d bytes", errContent, c.Size)
	case n < c.Size:
		return fmt.Errorf("%w: %d bytes, want %d", errContent, n, c.Size)
	case sum != nil && hosts.ID(sum.Sum(nil)) != c.ID:
		return fmt.Errorf("%w: its SHA-256 is another", errContent)
	}
	return nil
}
