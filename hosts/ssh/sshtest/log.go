package sshtest

import (
	"bufio"
	"io"
	"strings"
	"sync"
	"testing"
)

// logged keeps what the server says.
type logged struct {
	t     testing.TB
	mu    sync.Mutex
	lines []string
}

// copy reads r to its end and closes up at the line that holds ready.
func (l *logged) copy(r io.Reader, ready string, up chan<- struct{}) {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		l.mu.Lock()
		l.lines = append(l.lines, sc.Text())
		l.mu.Unlock()
		if up != nil && strings.Contains(sc.Text(), ready) {
			close(up)
			up = nil
		}
	}
}

// stop shows the server's log where its test failed.
func (l *logged) stop() {
	if l.t.Failed() {
		l.t.Logf("sshd said:\n%s", l.String())
	}
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
