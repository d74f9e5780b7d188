package local

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts/mountinfo"
)

// mountTable tells what is a mount point. Since Linux 5.8 statx(2) does; before
// that (EL 8's 4.18) the paths in /proc/self/mountinfo do, read once a table.
type mountTable struct {
	paths map[string]bool // nil: statx tells
}

// mounts makes a table.
func (h *Host) mounts() (mountTable, error) {
	st, err := fstatx(int(h.fd))
	if err != nil {
		return mountTable{}, err
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return mountTable{}, nil
	}
	return readMounts("/proc/self/mountinfo", h.root)
}

// has reports whether something is mounted at path, which st is of.
func (t mountTable) has(path string, st *unix.Statx_t) bool {
	if t.paths == nil {
		return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	return t.paths[path]
}

// over is the mount point that a directory lies in, or is.
func (t mountTable) over(dir string) string {
	for ; !t.paths[dir] && dir != "/"; dir = path.Dir(dir) {
	}
	return dir
}

// readMounts reads the mount points of a mountinfo file, as seen from root.
func readMounts(file, root string) (mountTable, error) {
	f, err := os.Open(file)
	if err != nil {
		return mountTable{}, fmt.Errorf("cannot read mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	t := mountTable{paths: map[string]bool{}}
	for m, err := range mountinfo.Read(f) {
		if err != nil {
			return mountTable{}, err
		}
		p := m.Point
		if root != "/" {
			below, ok := strings.CutPrefix(p, root)
			if !ok || below != "" && below[0] != '/' {
				continue
			}
			p = below
		}
		if p == "" {
			p = "/"
		}
		t.paths[p] = true
	}
	return t, nil
}

// MountsAbove implements hosts.MountTeller. Where a directory above path is missing,
// or behind a link that is not followed, those above that are listed.
func (h *Host) MountsAbove(p string) ([]string, error) {
	t, err := h.mounts()
	if err != nil {
		return nil, err
	}
	var points []string
	for ; p != "/" && p != "."; p = path.Dir(p) {
		d, name, err := h.parent("statx", p)
		if err != nil {
			continue
		}
		st, err := d.statx(name)
		d.Close()
		if err == nil && t.has(p, st) {
			points = append(points, p)
		}
	}
	return points, nil
}
