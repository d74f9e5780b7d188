package local

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// tcpListeners asks the kernel for the TCP sockets that listen in the calling
// thread's network (sock_diag(7)). /proc/net/tcp tells the same, once it has walked
// the table of all connections that there could be: milliseconds on a large machine.
func tcpListeners() ([]listener, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for sockets: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // of no more use
	var out []listener
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		if err := unix.Sendto(fd, askListening(family), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return nil, fmt.Errorf("cannot ask for sockets: %w", err)
		}
		some, err := readListening(fd)
		if err != nil {
			return nil, fmt.Errorf("cannot ask for sockets: %w", err)
		}
		out = append(out, some...)
	}
	return out, nil
}

// Sizes of inet_diag_req_v2 and inet_diag_msg, and where things are in the latter.
const (
	diagRequest = 56
	diagMessage = 72
	diagPort    = 4
	diagAddr    = 8
	diagInode   = 68
)

// askListening is a SOCK_DIAG_BY_FAMILY for all that is in state TCP_LISTEN.
func askListening(family byte) []byte {
	const tcpListen = 10
	order := binary.NativeEndian
	m := order.AppendUint32(nil, unix.SizeofNlMsghdr+diagRequest)
	m = order.AppendUint16(m, unix.SOCK_DIAG_BY_FAMILY)
	m = order.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	m = append(m, make([]byte, 8)...) // sequence and port
	m = append(m, family, unix.IPPROTO_TCP, 0, 0)
	m = order.AppendUint32(m, 1<<tcpListen)
	return append(m, make([]byte, unix.SizeofNlMsghdr+diagRequest-len(m))...) // any addresses
}

// readListening reads the answers to one question.
func readListening(fd int) ([]listener, error) {
	var out []listener
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return nil, err
		}
		for b := buf[:n]; len(b) >= unix.SizeofNlMsghdr; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < unix.SizeofNlMsghdr || size > len(b) {
				return nil, unix.EBADMSG
			}
			body := b[unix.SizeofNlMsghdr:size]
			switch binary.NativeEndian.Uint16(b[4:]) {
			case unix.NLMSG_DONE:
				return out, nil
			case unix.NLMSG_ERROR:
				if len(body) < 4 {
					return nil, unix.EBADMSG
				}
				return nil, unix.Errno(-int32(binary.NativeEndian.Uint32(body))) //nolint:gosec // a negative errno
			case unix.SOCK_DIAG_BY_FAMILY:
				l, ok := diagListener(body)
				if !ok {
					return nil, unix.EBADMSG
				}
				out = append(out, l)
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

func diagListener(m []byte) (listener, bool) {
	if len(m) < diagMessage {
		return listener{}, false
	}
	raw := m[diagAddr : diagAddr+4]
	if m[0] == unix.AF_INET6 {
		raw = m[diagAddr : diagAddr+16]
	}
	addr, _ := netip.AddrFromSlice(raw) // of a length that is one
	port := binary.BigEndian.Uint16(m[diagPort:])
	inode := binary.NativeEndian.Uint32(m[diagInode:])
	return listener{"tcp " + netip.AddrPortFrom(addr, port).String(), strconv.FormatUint(uint64(inode), 10)}, true
}
