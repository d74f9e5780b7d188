package local

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// network is what of the host's network a rehearsal has: its addresses, on the
// loopback, and what decides on what can be bound.
type network struct {
	addrs   []netip.Addr
	sysctls map[string]string
}

// hostNetwork reads the calling thread's.
func hostNetwork() (network, error) {
	n := network{sysctls: map[string]string{}}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return n, fmt.Errorf("cannot read the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			n.addrs = append(n.addrs, p.Addr())
		}
	}
	for _, name := range []string{"ipv6/conf/all/disable_ipv6", "ipv6/bindv6only", "ipv6/ip_nonlocal_bind", "ipv4/ip_nonlocal_bind", "ipv4/ip_unprivileged_port_start"} {
		if b, err := os.ReadFile("/proc/sys/net/" + name); err == nil { // not on a host without IPv6
			n.sysctls[name] = string(b)
		}
	}
	return n, nil
}

// copy makes the calling thread's new network like it.
func (n network) copy() error {
	for name, value := range n.sysctls {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
			return fmt.Errorf("cannot set up a network: %w", err)
		}
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot set up a network: %w", err)
	}
	defer unix.Close(s) //nolint:errcheck // of no more use
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("cannot bring up a loopback: %w", err)
	}
	route, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("cannot set up a network: %w", err)
	}
	defer unix.Close(route) //nolint:errcheck // of no more use
	for _, a := range n.addrs {
		if err := unix.Sendto(route, newAddr(a), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return fmt.Errorf("cannot set up the address %s: %w", a, err)
		}
	}
	return nil
}

// newAddr is an RTM_NEWADDR (rtnetlink(7)) of an address of the loopback, which is
// a new network's first interface. The kernel has done it when sendto returns.
func newAddr(a netip.Addr) []byte {
	bits, family, prefix, size := a.AsSlice(), byte(unix.AF_INET), byte(32), uint16(4)
	if a.Is6() {
		family, prefix, size = unix.AF_INET6, 128, 16
	}
	order := binary.NativeEndian
	m := order.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg+2*(unix.SizeofRtAttr+size)))
	m = order.AppendUint16(m, unix.RTM_NEWADDR)
	m = order.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_CREATE)
	m = append(m, make([]byte, 8)...) // sequence and port: no answer is read
	m = append(m, family, prefix, unix.IFA_F_NODAD, unix.RT_SCOPE_HOST)
	m = order.AppendUint32(m, 1)
	for _, attr := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		m = order.AppendUint16(m, unix.SizeofRtAttr+size)
		m = order.AppendUint16(m, attr)
		m = append(m, bits...)
	}
	return m
}

// inTheWay says which of the sockets that a rehearsed daemon listens on somebody
// else holds of those on the host; "" where none.
func inTheWay(wanted, held []listener, d hosts.Rehearsal) (string, error) {
	own := map[string]bool{}
	for _, cgroup := range append([]string{d.Running}, d.Beside...) {
		if cgroup == "" {
			continue
		}
		pids, err := pidsOf(cgroup)
		if err != nil {
			return "", err
		}
		for _, pid := range pids {
			for inode := range socketsOf("/proc/" + pid + "/fd") {
				own[inode] = true
			}
		}
	}
	for _, w := range wanted {
		for _, h := range held {
			if !own[h.inode] && w.overlaps(h, wanted, held) {
				return fmt.Sprintf("it listens on %s, and %s holds %s", w.name, holder(h.inode), h.name), nil
			}
		}
	}
	return "", nil
}

// overlaps reports whether two listeners of different networks could not both
// be in one. An IPv6 socket for all addresses takes IPv4 too unless beside it
// there is one of IPv4: which of the two it is /proc does not say.
func (l listener) overlaps(o listener, beside, oBeside []listener) bool {
	proto, a, ok := l.inet()
	oProto, b, bok := o.inet()
	if !ok || !bok || proto != oProto || a.Port() != b.Port() {
		return false
	}
	if a.Addr().Is4() == b.Addr().Is4() {
		return a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
	}
	if a.Addr().Is4() {
		return b.Addr().IsUnspecified() && !hasIPv4(oBeside, proto, b.Port())
	}
	return a.Addr().IsUnspecified() && !hasIPv4(beside, proto, a.Port())
}

func hasIPv4(all []listener, proto string, port uint16) bool {
	for _, l := range all {
		if p, a, ok := l.inet(); ok && p == proto && a.Port() == port && a.Addr().Is4() {
			return true
		}
	}
	return false
}

// inet is the address of a TCP or UDP socket.
func (l listener) inet() (proto string, addr netip.AddrPort, ok bool) {
	proto, text, _ := strings.Cut(l.name, " ")
	addr, err := netip.ParseAddrPort(text)
	return proto, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), err == nil
}

// holder names the process that has a socket.
func holder(inode string) string {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // no bad pattern
	for _, dir := range dirs {
		if socketsOf(dir + "/fd")[inode] {
			comm, _ := os.ReadFile(dir + "/comm") // it may have ended just now
			return fmt.Sprintf("%q (process %s)", strings.TrimSpace(string(comm)), filepath.Base(dir))
		}
	}
	return "another process"
}
