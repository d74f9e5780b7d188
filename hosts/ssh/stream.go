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
	last := s.stderr.String()
	switch {
	case fullTable(last):
		return 0, fmt.Errorf("the agent ended: %w: %s; %s", s.status, tableFull, tableFullFix)
	case last != "":
		return 0, fmt.Errorf("the agent ended: %w; its last words: %s", s.status, lastWords(last))
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

// tail keeps the beginning and the end of what a command says on standard
// error, and logs each line of it.
type tail struct {
	log  *slog.Logger
	mu   sync.Mutex
	head []byte
	buf  []byte
}

const (
	longestHead = 1 << 10
	longestTail = 4 << 10
)

func newTail(log *slog.Logger) *tail { return &tail{log: log} }

func (t *tail) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		t.log.Debug("from the host", "stderr", string(bytes.TrimSpace(line)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if room := longestHead - len(t.head); room > 0 {
		room = min(room, len(p))
		t.head, p = append(t.head, p[:room]...), p[room:]
	}
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - longestTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	between := ""
	if len(t.buf) == longestTail {
		between = "\n...\n"
	}
	return string(bytes.TrimSpace([]byte(string(t.head) + between + string(t.buf))))
}
