package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// stream is a command's standard input and output.
type stream struct {
	sess   *ssh.Session
	in     io.WriteCloser
	out    io.Reader
	stderr *tail

	exited chan struct{}
	status error // of sess.Wait; set before exited is closed
}

func (s *stream) wait() {
	s.status = s.sess.Wait()
	close(s.exited)
}

func (s *stream) Write(p []byte) (int, error) { return s.in.Write(p) }

// Read reads what the command writes. Where the command failed, it says so in
// place of io.EOF.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.out.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	// The exit status comes after the end of the output.
	const patience = 2 * time.Second
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-s.exited:
	case <-t.C:
		return 0, io.EOF
	}
	if s.status == nil {
		return 0, io.EOF
	}
	if last := s.stderr.String(); last != "" {
		return 0, fmt.Errorf("the agent ended: %w; its last words: %s", s.status, last)
	}
	return 0, fmt.Errorf("the agent ended: %w", s.status)
}

// Close ends the session, and the command's input with it; a Write under way
// elsewhere ends too. An agent in the middle of an apply goes on until it is
// safe to stop.
func (s *stream) Close() error {
	err := s.sess.Close()
	if errors.Is(err, io.EOF) {
		return nil // it had ended already
	}
	return err
}

// tail keeps the end of what a command says on standard error, and logs each
// line of it.
type tail struct {
	log *slog.Logger
	mu  sync.Mutex
	buf []byte
}

const longestTail = 4 << 10

func newTail(log *slog.Logger) *tail { return &tail{log: log} }

func (t *tail) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		t.log.Debug("from the host", "stderr", string(bytes.TrimSpace(line)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - longestTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
