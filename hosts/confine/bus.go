package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// busVar names the descriptor of the connection that Bus hands out, and the user
// id that it was made with.
const busVar = "HIKAE_BUS"

// busSocket is where the system bus listens (D-Bus specification, "Well-known
// Message Bus Instances").
const busSocket = "/run/dbus/system_bus_socket"

// openBus connects to the system bus as nobody and returns what busVar shall
// say. The bus lets no user in that the host does not know, and UID is such a
// one; what it asks is who connected, not who talks. So a confined process has
// the connection of one who may ask systemd, and no other right of nobody's.
// Where there is no bus, it has none.
func openBus() (string, error) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return "", nil //nolint:nilerr // then systemd cannot be asked
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		return "", err
	}
	gid, err := strconv.Atoi(nobody.Gid)
	if err != nil || uid <= 0 || gid <= 0 {
		return "", fmt.Errorf("user nobody is %s:%s", nobody.Uid, nobody.Gid)
	}
	if err := become(unix.SYS_SETGROUPS, 0, 0, 0); err != nil {
		return "", err
	}
	const same = ^uintptr(0)
	if err := become(unix.SYS_SETRESGID, same, uintptr(gid), same); err != nil {
		return "", err
	}
	if err := become(unix.SYS_SETRESUID, same, uintptr(uid), same); err != nil {
		return "", err
	}
	bus := ""
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0) // stays open over the execution
	if err == nil && unix.Connect(fd, &unix.SockaddrUnix{Name: busSocket}) == nil {
		bus = nobody.Uid + "," + strconv.Itoa(fd)
	}
	return bus, errors.Join(become(unix.SYS_SETRESUID, same, 0, same), become(unix.SYS_SETRESGID, same, 0, same))
}

// become makes a raw call on credentials: those of package syscall change every
// thread.
func become(call, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(call, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// Bus gives a confined process its connection to the system bus, on which
// nothing was said yet, and the user id to authenticate with; none where this
// process is not confined or there is no bus, nor when it is called again.
func Bus() (uid string, conn net.Conn) {
	uid, num, ok := strings.Cut(os.Getenv(busVar), ",")
	if !ok || Login() == "" || os.Unsetenv(busVar) != nil {
		return "", nil
	}
	fd, err := strconv.Atoi(num)
	if err != nil {
		return "", nil
	}
	f := os.NewFile(uintptr(fd), busSocket)
	defer f.Close() //nolint:errcheck // FileConn has a copy
	conn, err = net.FileConn(f)
	if err != nil {
		return "", nil
	}
	return uid, conn
}
