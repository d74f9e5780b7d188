package local

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// settles is for how long a rehearsed daemon that is ready has to be at rest: it is
// through with its configuration then, and waits for work.
const settles = 30 * time.Millisecond

// signs are those by which a daemon is known to live before its time is over.
type signs struct {
	ready *readySocket
	d     hosts.Rehearsal
	roots []string // processes: they, and their descendants, are all of the rehearsal

	isReady bool
	rest    hosts.Rest
}

// settled looks at a daemon that has lived for so long. It is ready when it says
// so, as to systemd (sd_notify(3)); or when it listens, where it may not be one that
// waits before it ends for what it cannot live with (Lives).
func (s *signs) settled(lived time.Duration) bool {
	s.isReady = s.isReady || s.ready.said() || s.d.Listens && s.d.Lives == 0 && s.listens()
	return s.isReady && s.rest.Reached(lived, workBelow(s.roots))
}

func (s *signs) listens() bool { return len(listeners(threadNet)) > 0 }

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
