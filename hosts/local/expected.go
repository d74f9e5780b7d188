package local

import (
	"bufio"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts/mountinfo"
)

// maxFstab bounds what is read of fstab, in bytes.
const maxFstab = 1 << 20

// readExpected gives the places where fstab(5) wants something mounted, but for
// those that wait to be mounted by hand (noauto). A place where nothing is
// mounted although it should be hides what it holds: an empty directory there
// says nothing of the host.
func (h *Host) readExpected() map[string]bool {
	f, err := h.Open("/etc/fstab")
	if err != nil {
		return nil // a host without one expects nothing
	}
	defer f.Close() //nolint:errcheck // opened for reading
	places := map[string]bool{}
	s := bufio.NewScanner(io.LimitReader(f, maxFstab))
	for s.Scan() {
		field := strings.Fields(s.Text())
		if len(field) < 3 || field[0][0] == '#' || field[2] == "swap" {
			continue
		}
		place := path.Clean(mountinfo.Unescape(field[1]))
		if !path.IsAbs(place) || place == "/" || len(field) > 3 && hasOption(field[3], "noauto") {
			continue
		}
		places[place] = true
	}
	return places
}

func hasOption(list, want string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// unmounted reports whether root lies at or below a place where something
// should be mounted and nothing is.
func (h *Host) unmounted(root string, t mountTable) bool {
	for p := root; p != "/" && p != "."; p = path.Dir(p) {
		if !h.expected()[p] {
			continue
		}
		d, name, err := h.parent("walk", p)
		if err != nil {
			return false // whoever walks there is told
		}
		var st *unix.Statx_t
		st, err = d.statx(name)
		d.Close()
		if err == nil && !t.has(p, st) {
			return true
		}
	}
	return false
}
