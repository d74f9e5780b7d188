package local

import (
	"context"
	"io/fs"
	"path"
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

// resolve is where a directory is, once the links on the way were followed, and
// where these are: the last may be one that leads nowhere, or that is not followed.
func (h *Host) resolve(dir string) (is string, links []string, err error) {
	rel := strings.Trim(dir, "/")
	var d dirFD
	if fd, straight := h.openStraight(rel); straight == nil && rel != "" {
		d = dirFD(fd)
	} else {
		d, err = h.walkDir(rel, func(in dirFD, name string) {
			if at, err := h.at(in); err == nil {
				links = append(links, path.Join(at, name))
			}
		})
	}
	if err != nil {
		return "", links, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer d.Close()
	if is, err = h.at(d); err != nil {
		return "", links, &fs.PathError{Op: "readlink", Path: dir, Err: err}
	}
	return is, links, nil
}

// at is where an open directory is on the host.
func (h *Host) at(d dirFD) (string, error) {
	p, err := readlinkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(int(d)))
	if h.root != "/" {
		p = strings.TrimPrefix(p, h.root)
	}
	if p == "" && err == nil {
		p = "/"
	}
	return p, err
}
