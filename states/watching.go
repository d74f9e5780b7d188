package states

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What the process that follows says of itself is written by the second: it is
// no record, and after a loss of power it may be gone.
const statusName = "watch.json"

// WriteStatus replaces it.
func (s *Store) WriteStatus(data []byte) error {
	path := filepath.Join(s.dir, ".store", statusName)
	err := os.WriteFile(path+".new", data, 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("cannot write status: %w", err)
	}
	return nil
}

// ReadStatus gives it; nil where nothing was ever followed.
func (s *Store) ReadStatus() ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, ".store", statusName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read status: %w", err)
	}
	return data, nil
}

// Watching makes this process the one that follows, until stop is called or it
// ends. The error wraps ErrLocked where another does, and names it.
func (s *Store) Watching(holder string) (stop func(), err error) {
	f, err := lockFile(filepath.Join(s.dir, ".store", "watch.lock"), holder)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// lockFile takes a lock that ends with the process; it names the holder.
func lockFile(path, holder string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock store: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 200))
		_ = f.Close()
		return nil, fmt.Errorf("%w: %s is held by %s", ErrLocked, filepath.Dir(filepath.Dir(path)), bytes.TrimSpace(who))
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(holder+"\n"), 0)
	}
	return f, nil
}
