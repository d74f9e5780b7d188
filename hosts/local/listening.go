package local

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hikae/hosts"
)

var _ hosts.SocketReader = (*Host)(nil)

// Listening implements hosts.SocketReader, from proc(5).
func (h *Host) Listening(ctx context.Context, cgroup string) ([]string, error) {
	if h.root != "/" {
		return nil, nil // nothing runs there
	}
	pids, err := pidsOf(cgroup)
	if err != nil {
		return nil, fmt.Errorf("cannot tell on what %s listens: %w", cgroup, err)
	}
	found := map[string]bool{}
	own, _ := os.Readlink(threadNS) // "" is nobody's
	by := map[string][]listener{}   // by their network
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		dir := "/proc/" + pid
		inodes := socketsOf(dir + "/fd")
		if len(inodes) == 0 {
			continue
		}
		net, err := os.Readlink(dir + "/ns/net")
		if err != nil {
			continue // it has ended
		}
		if _, read := by[net]; !read {
			from := dir + "/net"
			if net == own {
				from = threadNet
			}
			by[net] = listeners(from)
		}
		for _, s := range by[net] {
			if inodes[s.inode] {
				found[s.name] = true
			}
		}
	}
	var names []string
	for n := range found {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

// pidsOf reads the processes of a control group and of those in it, of either
// version of control groups.
func pidsOf(cgroup string) ([]string, error) {
	if !path.IsAbs(cgroup) || path.Clean(cgroup) != cgroup || cgroup == "/" {
		return nil, fmt.Errorf("%q is no control group", cgroup)
	}
	dir := "/sys/fs/cgroup" + cgroup
	if !isDir(dir) {
		dir = "/sys/fs/cgroup/systemd" + cgroup
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, gone(err)
	}
	defer root.Close() //nolint:errcheck // opened for reading
	var pids []string
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return gone(err)
		}
		b, err := root.ReadFile(p)
		pids = append(pids, strings.Fields(string(b))...)
		return gone(err)
	})
	return pids, err
}

// gone: what is no longer there is no error.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// socketsOf lists the inodes of a process's sockets. One that has ended has none.
func socketsOf(fdDir string) map[string]bool {
	entries, err := os.ReadDir(fdDir)
	if err != nil {
		return nil
	}
	inodes := map[string]bool{}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(fdDir, e.Name()))
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}

// listener is a socket that takes what comes.
type listener struct{ name, inode string }

// The calling thread's network.
const (
	threadNS  = "/proc/thread-self/ns/net"
	threadNet = "/proc/thread-self/net"
)

// listeners reads those of one network namespace.
func listeners(netDir string) []listener {
	const tcpListen, udpUnconnected, udpPorts = "0A", "07", 1024
	var out []listener
	protos := []string{"udp", "udp6", "tcp", "tcp6"}
	if netDir == threadNet {
		if tcp, err := tcpListeners(); err == nil { // else a kernel without
			out, protos = tcp, protos[:2]
		}
	}
	for _, proto := range protos {
		eachLine(filepath.Join(netDir, proto), func(f []string) {
			if len(f) < 10 {
				return
			}
			addr, ok := parseAddrPort(f[1])
			udp := strings.HasPrefix(proto, "udp")
			if !ok || !udp && f[3] != tcpListen || udp && (f[3] != udpUnconnected || addr.Port() >= udpPorts) {
				return
			}
			out = append(out, listener{proto[:3] + " " + addr.String(), f[9]})
		})
	}
	const accepts = 1 << 16 // __SO_ACCEPTCON
	eachLine(filepath.Join(netDir, "unix"), func(f []string) {
		if len(f) < 8 {
			return
		}
		if flags, err := strconv.ParseUint(f[3], 16, 32); err == nil && flags&accepts != 0 {
			out = append(out, listener{"unix " + f[7], f[6]})
		}
	})
	return out
}

func eachLine(file string, fn func(fields []string)) {
	f, err := os.Open(file)
	if err != nil {
		return // no IPv6, or the process has ended
	}
	defer f.Close() //nolint:errcheck // opened for reading
	for s := bufio.NewScanner(f); s.Scan(); {
		fn(strings.Fields(s.Text()))
	}
}

// parseAddrPort reads an address as the kernel prints it: 32-bit words, each
// in the machine's own order, here little endian.
func parseAddrPort(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	n, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for w := range slices.Chunk(b, 4) {
		slices.Reverse(w)
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr, uint16(n)), ok
}
