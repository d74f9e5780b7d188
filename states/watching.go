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

// Watcher names the process that follows; "" where none does. It takes no lock,
// so it is in nobody's way.
func (s *Store) Watcher() (string, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, ".store", "watch.lock"), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	l := unix.Flock_t{Type: unix.F_WRLCK}
	if err == nil {
		defer f.Close() //nolint:errcheck // it was read
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l)
	}
	if err != nil {
		return "", fmt.Errorf("cannot tell whether hikae watch runs: %w", err)
	}
	if l.Type == unix.F_UNLCK {
		return "", nil
	}
	return holderOf(f), nil
}

// holderOf is who a lock file names.
func holderOf(f io.Reader) string {
	who, _ := io.ReadAll(io.LimitReader(f, 200))
	if who = bytes.TrimSpace(who); len(who) > 0 {
		return string(who)
	}
	return "another process"
}

// lockFile takes a lock that ends with the process; it names the holder. It is one
// of the open file (fcntl(2), F_OFD_SETLK), which can be asked for without being
// taken.
func lockFile(path, holder string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock store: %w", err)
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		who := holderOf(f)
		_ = f.Close()
		return nil, fmt.Errorf("%w: %s is held by %s", ErrLocked, filepath.Dir(filepath.Dir(path)), who)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(holder+"\n"), 0)
	}
	return f, nil
}
