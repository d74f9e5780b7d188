package local

import (
	"context"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/inotify"
)

var _ hosts.Watcher = (*Host)(nil)

// Watch implements hosts.Watcher. Links on the way to a root are followed by the
// rule of the package's comment, and no others.
func (h *Host) Watch(ctx context.Context, roots []hosts.WatchRoot, emit func(hosts.WatchReport) error) error {
	return inotify.Watch(ctx, inotify.Options{
		Root:     h.root,
		Resolve:  h.resolve,
		Patterns: h.patterns,
		Log:      h.log,
	}, roots, emit)
}

// resolve is where a directory is, once the links on the way were followed.
func (h *Host) resolve(dir string) (string, error) {
	d, err := h.openDir(dir)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer d.Close()
	p, err := readlinkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(int(d)))
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: dir, Err: err}
	}
	if h.root != "/" {
		p = strings.TrimPrefix(p, h.root)
	}
	if p == "" {
		p = "/"
	}
	return p, nil
}
