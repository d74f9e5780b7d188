package local

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"regexp"
	"sync"
)

// logSocket is what /dev/log leads to (systemd-journald-dev-log.socket), and
// journalSocket where sd_journal_send(3) sends to.
const (
	logSocket     = "/run/systemd/journal/dev-log"
	journalSocket = "/run/systemd/journal/socket"
)

// syslogHead is what syslog(3) writes before a message: <22>Nov 27 21:02:31 .
var syslogHead = regexp.MustCompile(`^<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d )?`)

// syslog takes what rehearsed daemons log, in place of the host's journal: a
// rehearsal is no news there, and some daemons say nowhere else why they end.
type syslog struct {
	conn *net.UnixConn // nil on a host that has no such socket
	done sync.WaitGroup
	text []byte
}

// listenLog puts a socket in the place of the journal's, in the calling thread's
// mount namespace, where /run is an overlay.
func listenLog() (*syslog, error) {
	s := &syslog{}
	if _, err := os.Lstat(logSocket); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	for _, p := range []string{journalSocket, logSocket} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot take the place of the journal: %w", err)
		}
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: logSocket, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("cannot take the place of the journal: %w", err)
	}
	s.conn = conn
	if err := os.Chmod(logSocket, 0o666); err != nil { //nolint:gosec // anybody may log
		s.close()
		return nil, fmt.Errorf("cannot take the place of the journal: %w", err)
	}
	s.done.Go(func() {
		buf := make([]byte, 8<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return // closed
			}
			s.text = append(append(s.text, syslogHead.ReplaceAll(buf[:n], nil)...), '\n')
			s.text = s.text[max(0, len(s.text)-lastWords):]
		}
	})
	return s, nil
}

// close ends it and returns the last that was logged.
func (s *syslog) close() string {
	if s.conn == nil {
		return ""
	}
	_ = s.conn.Close() // its reader ends with it
	s.done.Wait()
	return string(s.text)
}
