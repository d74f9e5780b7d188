package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A side pings this often, and takes the link for dead when it has listened
// this long and heard nothing. Both together stay under 30 s.
const (
	pingEvery = 5 * time.Second
	deadAfter = 20 * time.Second
)

// link is one side's end of a session: messages in, messages out, pings.
type link struct {
	*codec
	rwc io.ReadWriteCloser

	in   chan message
	free chan []byte // buffers of chunks, to be used again

	wmu sync.Mutex
	bw  *bufio.Writer

	// listening is when the reader began to wait for bytes, by age; 0 while it
	// does not wait. A link is not dead for being silent while nobody listens: a
	// slow caller must not lose it.
	listening atomic.Int64
	began     time.Time

	once sync.Once
	dead chan struct{} // closed when the session is over
	err  error         // why; set before dead is closed
}

func newLink(rwc io.ReadWriteCloser) (*link, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	l := &link{
		codec: c, rwc: rwc,
		in: make(chan message), free: make(chan []byte, 4), dead: make(chan struct{}),
		bw: bufio.NewWriterSize(rwc, 64<<10), began: time.Now(),
	}
	go l.read()
	go l.ping()
	go l.watch()
	return l, nil
}

// close ends the session. The first reason given is the one that is kept.
func (l *link) close(reason error) {
	l.once.Do(func() {
		l.err = reason
		close(l.dead)
		_ = l.rwc.Close() // the session is over; the reason is what counts
	})
}

func (l *link) read() {
	br := bufio.NewReaderSize(listener{l}, 64<<10)
	var buf []byte
	for {
		if buf == nil {
			select {
			case buf = <-l.free:
			default:
			}
		}
		m, err := readMessage(br, buf)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				err = lost(err)
			}
			l.close(err)
			return
		}
		if m.kind == kindPing {
			if len(m.body) != 0 {
				l.close(protocolError("ping of %d bytes", len(m.body)))
				return
			}
			continue
		}
		if m.kind == kindChunk {
			buf = nil // it is the receiver's now
		}
		select {
		case l.in <- m:
		case <-l.dead:
			return
		}
	}
}

func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		return ErrLost
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// listener notes when the reader waits for bytes.
type listener struct{ l *link }

func (r listener) Read(p []byte) (int, error) {
	r.l.listening.Store(int64(r.l.age()))
	n, err := r.l.rwc.Read(p)
	r.l.listening.Store(0)
	return n, err
}

// age is that of the link, and never 0: when the clock is set, no link is lost for it.
func (l *link) age() time.Duration { return time.Since(l.began) + 1 }

// watch ends a link that is silent while it is listened to. It never writes,
// so that a write which blocks for ever cannot hide a dead link.
func (l *link) watch() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-l.dead:
			return
		case <-t.C:
			since := time.Duration(l.listening.Load())
			if since != 0 && l.age()-since > deadAfter {
				l.close(fmt.Errorf("%w: nothing heard for %v", ErrLost, deadAfter))
				return
			}
		}
	}
}

func (l *link) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-l.dead:
			return
		case <-t.C:
			// What is being written now tells the other side as much.
			if l.wmu.TryLock() {
				_ = l.write(kindPing, nil, true) // a broken link shows itself to the reader
				l.wmu.Unlock()
			}
		}
	}
}

// write needs wmu.
func (l *link) write(k kind, body []byte, flush bool) error {
	err := writeMessage(l.bw, k, body)
	if err == nil && flush {
		err = l.bw.Flush()
	}
	if err != nil {
		return lost(err)
	}
	return nil
}

// queue sends a message that may wait in the buffer for the next send.
func (l *link) queue(k kind, body []byte) error {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	return l.write(k, body, false)
}

func (l *link) queueValue(k kind, v any) error {
	b, err := l.marshal(v)
	if err != nil {
		return err
	}
	return l.queue(k, b)
}

// send sends a message and all that was queued before it.
func (l *link) send(k kind, body []byte) error {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	return l.write(k, body, true)
}

func (l *link) sendValue(k kind, v any) error {
	b, err := l.marshal(v)
	if err != nil {
		return err
	}
	return l.send(k, b)
}

// sendChunk sends buf[headerSize:] as a chunk; the header is written into the
// room before it, so that the bytes go out in one write without being copied.
func (l *link) sendChunk(buf []byte) error {
	putHeader(buf, byte(kindChunk), len(buf)-headerSize)
	l.wmu.Lock()
	defer l.wmu.Unlock()
	if len(buf) < l.bw.Available() {
		if _, err := l.bw.Write(buf); err != nil {
			return lost(err)
		}
		return nil
	}
	if err := l.bw.Flush(); err != nil {
		return lost(err)
	}
	if _, err := l.rwc.Write(buf); err != nil {
		return lost(err)
	}
	return nil
}

// recv waits for a message. The end of the session is an error that wraps
// ErrLost or ErrProtocol.
func (l *link) recv(ctx context.Context) (message, error) {
	select {
	case m := <-l.in:
		return m, nil
	case <-l.dead:
		return message{}, l.err
	case <-ctx.Done():
		return message{}, context.Cause(ctx)
	}
}

// recycle gives the buffer of a chunk back to the reader.
func (l *link) recycle(m message) {
	if m.kind != kindChunk {
		return
	}
	select {
	case l.free <- m.body[:0]:
	default:
	}
}
