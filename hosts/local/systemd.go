package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// systemdTimeout bounds a question to systemd, which answers none while it
// reloads its units: that takes a second or two with many.
const systemdTimeout = 15 * time.Second

// systemd is the connection to PID 1, made when it is first needed. There is one:
// systemd's own socket tells everybody on it of each session, unit and job that comes
// and goes, and PID 1 writes that once for each connection.
type systemd struct {
	here bool // systemd is PID 1, and this host is the one it runs
	mu   sync.Mutex
	conn *godbus.Conn
	// given is a connection to be used in place of new ones; nil for none.
	given func() (uid string, conn net.Conn)
}

// connect gives the connection: over systemd's own socket, which root can use
// and which needs no message bus, else over the system bus.
func (s *systemd) connect() (manager, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.Connected() {
		return manager{s.conn}, nil
	}
	if s.conn != nil {
		_ = s.conn.Close() // nothing is lost with it
	}
	var err error
	if s.conn, err = s.dial(); err != nil {
		return manager{}, fmt.Errorf("cannot talk to systemd: %w", err)
	}
	return manager{s.conn}, nil
}

func (s *systemd) dial() (*godbus.Conn, error) {
	if s.given != nil {
		uid, c := s.given()
		if c == nil {
			return nil, errors.New("there is no connection to the system bus (left)")
		}
		conn, err := godbus.NewConn(c)
		return greeted(conn, err, uid, true)
	}
	uid := strconv.Itoa(os.Geteuid())
	conn, err := godbus.Dial("unix:path=/run/systemd/private")
	if conn, err = greeted(conn, err, uid, false); err == nil {
		return conn, nil
	}
	bus, busErr := godbus.SystemBusPrivate()
	if bus, busErr = greeted(bus, busErr, uid, true); busErr != nil {
		return nil, errors.Join(err, busErr)
	}
	return bus, nil
}

// greeted says on a new connection who we are; a message bus wants to be greeted
// as well.
func greeted(conn *godbus.Conn, err error, uid string, bus bool) (*godbus.Conn, error) {
	if err != nil {
		return nil, err
	}
	if err = conn.Auth([]godbus.Auth{godbus.AuthExternal(uid)}); err == nil && bus {
		err = conn.Hello()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func (s *systemd) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close() // nothing is lost with it
		s.conn = nil
	}
}

// manager is what knows all units: org.freedesktop.systemd1(5).
type manager struct{ conn *godbus.Conn }

const (
	systemdName = "org.freedesktop.systemd1" // on the bus; its interfaces' names begin with it
	managerPath = "/org/freedesktop/systemd1"
)

// loadedUnit is what the methods that list units tell of each.
type loadedUnit struct {
	Name, Description, LoadState, ActiveState, SubState, Following string

	Path    godbus.ObjectPath
	Job     uint32
	JobType string
	JobPath godbus.ObjectPath
}

func (m manager) units(ctx context.Context, method string, args ...any) (units []loadedUnit, err error) {
	err = m.conn.Object(systemdName, managerPath).CallWithContext(ctx, systemdName+".Manager."+method, 0, args...).Store(&units)
	return units, err
}

// property gives a property of a unit, of what all units have ("Unit") or of a type
// of unit ("Service").
func (m manager) property(ctx context.Context, unit, of, name string) (any, error) {
	return m.get(ctx, managerPath+"/unit/"+dbus.PathBusEscape(unit), of, name)
}

func (m manager) get(ctx context.Context, path, of, name string) (any, error) {
	var v godbus.Variant
	call := m.conn.Object(systemdName, godbus.ObjectPath(path)).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, systemdName+"."+of, name)
	err := call.Store(&v)
	return v.Value(), err
}

// state gives systemd's own state: running, degraded, stopping, ...
func (s *systemd) state(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, systemdTimeout)
	defer cancel()
	conn, err := s.connect()
	if err != nil {
		return "", err
	}
	v, err := conn.get(ctx, managerPath, "Manager", "SystemState")
	if err != nil {
		return "", fmt.Errorf("cannot read systemd's state: %w", err)
	}
	state, _ := v.(string)
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
