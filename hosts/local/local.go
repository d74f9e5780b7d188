// Package local is the machine that hikae's agent runs on, as a hosts.Host:
// plain system calls below a root directory, systemd's D-Bus, and no shell.
//
// # Which links are followed
//
// No path leaves the root. The last part of a path is never followed. A link
// at an earlier part is followed only if nobody but root could have put it
// there: the link, the directory that it is in and every directory above that
// belong to root (or to the owner of the host's root directory, where that is
// another: a test's), and none of those directories can be written by group or
// others. Its target is resolved below the root by the same rule and must be a
// directory. So /bin, /lib64, /etc/init.d, /var/run and an administrator's own
// links between system directories work, and no link below a home, /tmp or a
// web root is ever followed, however quickly it is put there.
package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Options say which host to open. The zero value is this machine.
type Options struct {
	// Root is the directory that is the host's root; "" means "/". With
	// another, nothing of the running system is asked: systemd counts as absent.
	Root string
	// LoginAccount is who the controller logged in as; "" means whom sudo
	// names, or who runs this process.
	LoginAccount string
	// Bus gives a connection to the system bus that is used in place of new ones,
	// once, with the user id to authenticate with (confine.Bus).
	Bus func() (uid string, conn net.Conn)
	// Patterns compiles those of hosts.WatchRoot.Exclude; nil: no watch may have any.
	Patterns func(patterns []string) (match func(path string) bool, err error)
	Log      *slog.Logger // nil means slog.Default
}

// Host is a machine's file system, units, packages and programs. It may be used
// by several goroutines; two that write the same path get in each other's way.
type Host struct {
	root  string // absolute, with no link in it
	fd    dirFD  // of root
	owner uint32 // whose links are followed, besides uid 0's
	log   *slog.Logger
	facts func() hosts.Facts

	patterns func([]string) (func(string) bool, error)
	expected func() map[string]bool // mount points, as fstab has it

	fsPolicy policyCache
	accounts accountCache
	stamps   stampCache
	written  written
	packages packageCache
	systemd  systemd
	staging  staging
	viewed   []string // of a view: the directories that an overlay lies over
}

var (
	_ hosts.Host        = (*Host)(nil)
	_ hosts.Stager      = (*Host)(nil)
	_ hosts.Syncer      = (*Host)(nil)
	_ hosts.Linker      = (*Host)(nil)
	_ hosts.Locker      = (*Host)(nil)
	_ hosts.TempCleaner = (*Host)(nil)
	_ hosts.Previewer   = (*Host)(nil)
)

// New opens the host. Close it after use.
func New(opts Options) (*Host, error) {
	h := &Host{root: opts.Root, log: opts.Log, patterns: opts.Patterns}
	if h.root == "" {
		h.root = "/"
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	root, err := filepath.Abs(h.root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open host: %w", err)
	}
	h.root = root
	fd, err := retry(func() (int, error) {
		return unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open host: %w", &fs.PathError{Op: "open", Path: root, Err: err})
	}
	h.fd = dirFD(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		h.fd.Close()
		return nil, fmt.Errorf("cannot open host: %w", &fs.PathError{Op: "stat", Path: root, Err: err})
	}
	h.owner = st.Uid
	h.systemd.given = opts.Bus
	h.systemd.here = h.root == "/" && isDir("/run/systemd/system")
	h.facts = sync.OnceValue(func() hosts.Facts { return h.readFacts(opts.LoginAccount) })
	h.expected = sync.OnceValue(h.readExpected)
	return h, nil
}

// Close gives back what the host holds open.
func (h *Host) Close() error {
	h.systemd.close()
	h.fd.Close()
	return nil
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// retry calls again what a signal interrupted: the Go runtime sends itself many.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

func retryErr(call func() error) error {
	_, err := retry(func() (struct{}, error) { return struct{}{}, call() })
	return err
}
