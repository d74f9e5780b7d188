package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// systemdTimeout bounds a question to systemd, which answers none while it
// reloads its units: that takes a second or two with many.
const systemdTimeout = 15 * time.Second

// systemd is the connection to PID 1, made when it is first needed.
type systemd struct {
	here bool // systemd is PID 1, and this host is the one it runs
	mu   sync.Mutex
	conn *dbus.Conn
	// given are connections to be used in place of new ones; nil for none.
	given func() (uid string, conns []net.Conn)
}

// connect gives the connection: over systemd's own socket, which root can use
// and which needs no message bus, else over the system bus.
func (s *systemd) connect(ctx context.Context) (*dbus.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.Connected() {
		return s.conn, nil
	}
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
	if s.given != nil {
		conn, err := overBus(s.given())
		if err != nil {
			return nil, fmt.Errorf("cannot talk to systemd: %w", err)
		}
		s.conn = conn
		return conn, nil
	}
	// Not ctx: the library ends a connection with the context that it was made in.
	conn, err := dbus.NewSystemdConnectionContext(context.WithoutCancel(ctx))
	if err != nil {
		var busErr error
		if conn, busErr = dbus.NewSystemConnectionContext(context.WithoutCancel(ctx)); busErr != nil {
			return nil, fmt.Errorf("cannot talk to systemd: %w", errors.Join(err, busErr))
		}
	}
	s.conn = conn
	return conn, nil
}

// overBus talks to systemd over connections to the bus that were made before.
func overBus(uid string, conns []net.Conn) (*dbus.Conn, error) {
	return dbus.NewConnection(func() (*godbus.Conn, error) {
		if len(conns) == 0 {
			return nil, errors.New("there is no connection to the system bus (left)")
		}
		bus, err := godbus.NewConn(conns[0])
		conns = conns[1:]
		if err != nil {
			return nil, err
		}
		if err := bus.Auth([]godbus.Auth{godbus.AuthExternal(uid)}); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
		if err := bus.Hello(); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
		return bus, nil
	})
}

func (s *systemd) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// state gives systemd's own state: running, degraded, stopping, ...
func (s *systemd) state(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, systemdTimeout)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	p, err := conn.SystemStateContext(ctx)
	if err != nil {
		return "", fmt.Errorf("cannot read systemd's state: %w", err)
	}
	state, _ := p.Value.Value().(string)
	return state, nil
}

// SystemState implements hosts.Stateful.
func (h *Host) SystemState(ctx context.Context) string {
	if !h.systemd.here {
		return ""
	}
	state, err := h.systemd.state(ctx)
	if err != nil {
		h.log.Debug("systemd does not say how it is", "error", err)
	}
	return state
}

// defaultUnit reads which target the host boots to: the link default.target.
func (h *Host) defaultUnit() string {
	for _, dir := range []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"} {
		target, err := fs.ReadLink(hostFS{h}, dir+"/default.target")
		if err == nil {
			return path.Base(target)
		}
	}
	return ""
}
