package inotify

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts/mountinfo"
)

const mountTable = "/proc/self/mountinfo"

// mounts is what is mounted below the host's root. poll(2) of the table says
// when it has changed: proc_pid_mountinfo(5).
type mounts struct {
	fd   int
	root string
	ids  map[mark]bool
	at   map[string]bool
}

// mark is a mount at a place, as the host has it.
type mark struct{ id, point string }

func (m *mounts) open(root string) (err error) {
	m.root = root
	m.fd, err = unix.Open(mountTable, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		m.fd = -1
		return fmt.Errorf("cannot read mounts: %w", err)
	}
	_, err = m.read()
	return err
}

func (m *mounts) close() {
	if m.fd > 0 {
		_ = unix.Close(m.fd)
	}
}

func (m *mounts) has(p string) bool { return m.at[p] }

// read reads the table again, and gives the places where it is another.
func (m *mounts) read() (changed []string, err error) {
	f, err := os.Open(mountTable)
	if err != nil {
		return nil, fmt.Errorf("cannot read mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	ids, at := map[mark]bool{}, map[string]bool{}
	for e, err := range mountinfo.Read(f) {
		if err != nil {
			return nil, err
		}
		p := e.Point
		if m.root != "/" {
			below, ok := strings.CutPrefix(p, m.root)
			if !ok || below == "" || below[0] != '/' {
				continue
			}
			p = below
		}
		ids[mark{e.ID, p}], at[p] = true, true
	}
	for k := range ids {
		if !m.ids[k] {
			changed = append(changed, k.point)
		}
	}
	for k := range m.ids {
		if !ids[k] {
			changed = append(changed, k.point)
		}
	}
	m.ids, m.at = ids, at
	return changed, nil
}

// remounted tells of the places where something was mounted or is not any more.
func (w *watcher) remounted() {
	changed, err := w.marks.read()
	if err != nil {
		w.noteOnce(fmt.Sprintf("%v: mounts that come and go are not seen", err))
		return
	}
	for _, p := range changed {
		n, name := w.lookup(path.Dir(p)), []byte(path.Base(p))
		if n == none || p == "/" {
			continue
		}
		for _, known := range w.names(n, name) {
			w.out.tell(known, true, false)
		}
		if way := w.wayAt(n, name); way != nil && way.to != nil {
			w.onTheWay(way)
		}
		w.push(n, &job{told: true})
	}
}

// lookup gives the directory at p, or none.
func (w *watcher) lookup(p string) int32 {
	n := int32(0)
	for part := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		if part != "" && n != none {
			n = w.t.find(n, []byte(part))
		}
	}
	return n
}
