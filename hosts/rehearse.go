package hosts

import (
	"context"
	"time"
)

// Rehearsal is a daemon as it is to be started for a moment.
type Rehearsal struct {
	Argv  []string // in the foreground; a word $NAME is the words of that variable
	User  string   // whom it runs as from the start, with that account's own group; "": root
	State []string // directories that it writes, beyond /run, /tmp, /var and /dev/shm, or mounted there
	// Without are programs of its own that it is not to run.
	Without []string
	// Lives is how long it has to live; 0: 0.7 s.
	Lives time.Duration
	// Main is the process of the one that runs now, whose environment it gets
	// where that is root's; 0: a bare one.
	Main int
	// Running is the control group of the one that runs now, as systemd names
	// it. What that listens on is in nobody's way, nor is what those of Beside do.
	Running string
	Beside  []string
	// Listens: the one that runs now listens, so this one is to be waited for
	// until it does.
	Listens bool
}

// Rehearser is a view, as a Previewer gives it, in which daemons can be started
// for a moment.
type Rehearser interface {
	// Rehearse starts the daemons, all at once, each in namespaces of its own:
	// it sees the view and the host's addresses, reaches nobody, and all that it
	// writes is thrown away. It does not wait for them: verdict does, and is to be
	// called. When that returns they are killed, if not yet quite gone, and died says
	// of each why it would not live; "" where it lives: that it ended, with its last
	// words, or that somebody else holds what it listens on.
	//
	// An error means that nothing can be told, as no such namespaces can be had.
	Rehearse(ctx context.Context, daemons []Rehearsal) (verdict func() (died []string, err error))
}
