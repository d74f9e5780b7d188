package inotify

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// event is one of inotify(7)'s.
type event struct {
	wd     int32
	mask   uint32
	cookie uint32
	name   []byte // of an entry of the directory; empty: the directory itself
}

func (e *event) is(bits uint32) bool { return e.mask&bits != 0 }

// parse calls fn with each event of what a read(2) gave. The names are good
// until the buffer is used again.
func parse(buf []byte, fn func(event)) error {
	for len(buf) > 0 {
		if len(buf) < unix.SizeofInotifyEvent {
			return fmt.Errorf("inotify: %d bytes are no event", len(buf))
		}
		e := event{
			wd:     int32(binary.NativeEndian.Uint32(buf)), //nolint:gosec // as the kernel wrote it
			mask:   binary.NativeEndian.Uint32(buf[4:]),
			cookie: binary.NativeEndian.Uint32(buf[8:]),
		}
		size := uint64(binary.NativeEndian.Uint32(buf[12:]))
		buf = buf[unix.SizeofInotifyEvent:]
		if size > uint64(len(buf)) {
			return fmt.Errorf("inotify: a name of %d bytes in %d", size, len(buf))
		}
		e.name, buf = buf[:size], buf[size:]
		for i, c := range e.name { // padded with zeros
			if c == 0 {
				e.name = e.name[:i]
				break
			}
		}
		fn(e)
	}
	return nil
}
