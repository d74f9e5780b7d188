package ssh

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Target is whom to reach, as the user wrote it. What is empty comes from the
// SSH configuration.
type Target struct {
	Host     string // a name, an address, or a Host of ~/.ssh/config
	User     string
	Port     int
	Identity string // a key file that is used instead of the configured ones
}

// ParseTarget reads [ssh://][user@]host[:port]. An IPv6 address with a port is
// written in brackets.
func ParseTarget(s string) (Target, error) {
	var t Target
	rest := strings.TrimPrefix(s, "ssh://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		t.User, rest = rest[:at], rest[at+1:]
		if t.User == "" {
			return t, fmt.Errorf("cannot read SSH target %q: no user before @", s)
		}
	}
	t.Host = rest
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return t, fmt.Errorf("cannot read SSH target %q: port %q is not a number from 1 to 65535", s, port)
		}
		t.Host, t.Port = host, n
	}
	t.Host = strings.TrimSuffix(strings.TrimPrefix(t.Host, "["), "]")
	// What begins with a dash would be an option where it is passed on.
	if t.Host == "" || strings.HasPrefix(t.Host, "-") || strings.HasPrefix(t.User, "-") ||
		strings.ContainsAny(t.Host+t.User, " \t\r\n'\"\\;&|<>`$\x00") {
		return t, fmt.Errorf("cannot read SSH target %q: want user@host or user@host:port", s)
	}
	return t, nil
}

// String gives user@host:port, without what is empty.
func (t Target) String() string {
	s := t.Host
	if t.Port != 0 {
		s = net.JoinHostPort(t.Host, strconv.Itoa(t.Port))
	}
	if t.User != "" {
		s = t.User + "@" + s
	}
	return s
}
