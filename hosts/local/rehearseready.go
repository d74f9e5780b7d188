package local

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// settles is for how long a rehearsed daemon that is ready has to be at rest: it is
// through with its configuration then, and waits for work.
const settles = 60 * time.Millisecond

// signs are those by which a daemon is known to live before its time is over.
type signs struct {
	ready *readySocket
	d     hosts.Rehearsal
	roots []int // processes: they, and their descendants, are all of the rehearsal

	isReady bool
	busy    time.Duration // when it was last seen at work, or was not yet ready
}

// settled looks at a daemon that has lived for so long. It is ready when it says
// so, as to systemd (sd_notify(3)); or when it listens, where it may not be one that
// waits before it ends for what it cannot live with (Lives).
func (s *signs) settled(lived time.Duration) bool {
	s.isReady = s.isReady || s.ready.said() || s.d.Listens && s.d.Lives == 0 && s.listens()
	if !s.isReady || !s.atRest() {
		s.busy = lived
	}
	return lived-s.busy >= settles
}

func (s *signs) listens() bool { return len(listeners(threadNet)) > 0 }

// atRest reports whether no thread of the rehearsal runs, is to run, or waits for a
// disk (proc(5), /proc/pid/stat).
func (s *signs) atRest() bool {
	for todo := append([]int(nil), s.roots...); len(todo) > 0; {
		dir := "/proc/" + strconv.Itoa(todo[0]) + "/task"
		todo = todo[1:]
		threads, _ := os.ReadDir(dir) // one that has ended rests
		for _, t := range threads {
			stat, err := os.ReadFile(filepath.Join(dir, t.Name(), "stat"))
			if err != nil {
				continue
			}
			if _, rest, ok := bytes.Cut(stat, []byte(") ")); ok && len(rest) > 0 && strings.ContainsRune("RD", rune(rest[0])) {
				return false
			}
			children, err := os.ReadFile(filepath.Join(dir, t.Name(), "children"))
			if err != nil {
				return false // a kernel that does not tell
			}
			for _, c := range strings.Fields(string(children)) {
				if pid, err := strconv.Atoi(c); err == nil {
					todo = append(todo, pid)
				}
			}
		}
	}
	return true
}

// readySocket is where a daemon says that it is ready.
type readySocket struct {
	fd   int
	name string
}

// listenReady makes it in the calling thread's network namespace, to which abstract
// names belong (unix(7)).
func listenReady() (*readySocket, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for a daemon: %w", err)
	}
	r := &readySocket{fd: fd, name: "@hikae/" + rand.Text()}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: r.name}); err != nil {
		r.close()
		return nil, fmt.Errorf("cannot listen for a daemon: %w", err)
	}
	return r, nil
}

func (r *readySocket) close() { _ = unix.Close(r.fd) }

// env has the daemon speak to it.
func (r *readySocket) env() string { return "NOTIFY_SOCKET=" + r.name }

// said reports whether it was said since it was last asked.
func (r *readySocket) said() bool {
	ready := false
	buf := make([]byte, 4<<10)
	for {
		n, err := unix.Read(r.fd, buf)
		if err != nil || n < 0 {
			return ready
		}
		for line := range bytes.Lines(buf[:n]) {
			ready = ready || string(bytes.TrimSpace(line)) == "READY=1"
		}
	}
}
