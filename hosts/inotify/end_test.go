package inotify

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// A watch that has ended writes to none of its descriptors any more: whoever opens
// something next is given the same number, and would find it in his file.
func TestEndWritesNothing(t *testing.T) {
	opts := &Options{Root: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	p, err := makePlan(opts, []hosts.WatchRoot{tree("/")})
	must(t, err)
	w := newWatcher(opts, p, newOutbox())
	must(t, w.open())
	defer w.close()

	// One that is full is read by poll(2), and has who writes to it wait.
	must(t, unix.Close(w.wake))
	w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC)
	must(t, err)
	_, err = unix.Write(w.wake, []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	must(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	cancel()
	select {
	case err := <-ended:
		t.Fatalf("it has ended (%v), and is yet to write", err)
	case <-time.After(200 * time.Millisecond):
	}
	_, err = unix.Read(w.wake, make([]byte, 8))
	must(t, err)
	must(t, <-ended)
}
