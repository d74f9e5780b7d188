package ssh

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acker acknowledges what it reads at once (TCP_QUICKACK, tcp(7)). sshd leaves
// Nagle's algorithm on where there is no terminal: it sends no second small packet
// before the first is acknowledged, and a kernel that has nothing to say puts that
// off for 40 ms. A login meets that once, between sshd's notices and its word that
// a session is open; an agent may with every answer.
type acker struct {
	net.Conn
	raw syscall.RawConn
}

// promptly makes conn acknowledge at once, where it is TCP of this machine's kernel.
func promptly(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn // through a hop
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &acker{Conn: conn, raw: raw}
}

// bulk is what a read gives, in bytes, where more will follow by itself: segments
// that come in number are acknowledged anyhow.
const bulk = 32 << 10

func (a *acker) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	if n > 0 && n < bulk {
		// The kernel forgets it after some segments. Best effort.
		_ = a.raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // #nosec G115 -- a descriptor
		})
	}
	return n, err
}
