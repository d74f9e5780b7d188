package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// arrivals tells when files of a directory have the contents that they are
// waited for with.
type arrivals struct {
	dir     string
	events  *os.File
	arrived func(time.Time) // each, where it is set
	last    time.Time
}

// newArrivals watches a directory, which must be there and stay.
func newArrivals(dir string) (*arrivals, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_ONLYDIR); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("cannot watch %s: %w", dir, err)
	}
	return &arrivals{dir: dir, events: os.NewFile(uintptr(fd), "inotify")}, nil
}

func (a *arrivals) close() { _ = a.events.Close() }

// wait returns when the last of the files had its content.
func (a *arrivals) wait(texts map[string]string, until time.Time) (time.Time, error) {
	if err := a.events.SetReadDeadline(until); err != nil {
		return time.Time{}, err
	}
	left := maps.Clone(texts)
	look := func(name string) {
		text, waited := left[name]
		if !waited {
			return
		}
		now := time.Now()
		if b, err := os.ReadFile(filepath.Join(a.dir, name)); err != nil || string(b) != text {
			return
		}
		delete(left, name)
		a.last = now
		if a.arrived != nil {
			a.arrived(now)
		}
	}
	for name := range texts {
		look(name)
	}
	buf := make([]byte, 1<<16)
	for len(left) > 0 {
		n, err := a.events.Read(buf)
		if err != nil {
			return time.Time{}, fmt.Errorf("%d of %d files not in %s in time: %w", len(left), len(texts), a.dir, err)
		}
		// struct inotify_event: wd, mask, cookie, len, name (inotify(7))
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			look(string(bytes.TrimRight(b[unix.SizeofInotifyEvent:end], "\x00")))
			b = b[end:]
		}
	}
	return a.last, nil
}
