package local

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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

// readMounts reads proc_pid_mountinfo(5): the fifth field is the mount point,
// with blanks and backslashes as a backslash and three octal digits.
func readMounts(file, root string) (mountTable, error) {
	f, err := os.Open(file)
	if err != nil {
		return mountTable{}, fmt.Errorf("cannot read mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	t := mountTable{paths: map[string]bool{}}
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 0, 4096), 1<<20)
	for s.Scan() {
		field := strings.Fields(s.Text())
		if len(field) < 5 {
			continue
		}
		p := unescapeOctal(field[4])
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
	if err := s.Err(); err != nil {
		return mountTable{}, fmt.Errorf("cannot read mounts: %w", err)
	}
	return t, nil
}

func unescapeOctal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
