package local

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// Facts implements hosts.Reader. They are read once, when first asked for; what
// cannot be read is left empty and logged.
func (h *Host) Facts() hosts.Facts { return h.facts() }

func (h *Host) readFacts(login string) hosts.Facts {
	release := h.osRelease()
	f := hosts.Facts{
		ID:           release["ID"],
		VersionID:    release["VERSION_ID"],
		Systemd:      h.systemd.here,
		DefaultUnit:  h.defaultUnit(),
		LoginAccount: login,
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		h.log.Warn("cannot read the kernel's name", "err", err)
	}
	f.Hostname, f.Kernel = unix.ByteSliceToString(u.Nodename[:]), unix.ByteSliceToString(u.Release[:])
	f.Arch = rpmArch(unix.ByteSliceToString(u.Machine[:]))
	if h.root == "/" {
		f.Booted = bootTime()
		f.Interfaces, f.Addresses = h.network()
	} else if b, err := fs.ReadFile(hostFS{h}, "etc/hostname"); err == nil {
		f.Hostname = strings.TrimSpace(string(b))
	}
	if h.systemd.here {
		var err error
		if f.SystemState, err = h.systemd.state(context.Background()); err != nil {
			h.log.Warn("cannot read systemd's state", "err", err)
		}
	}
	if p, err := h.policy(true); err != nil {
		h.log.Warn("cannot read the SELinux policy", "err", err)
	} else if p != nil {
		f.Policy = p.name
	}
	if f.LoginAccount == "" {
		f.LoginAccount = h.loginAccount()
	}
	f.LoginFiles = h.loginFiles(f.LoginAccount)
	return f
}

// network lists the interfaces and their addresses: those that tell this host
// from others.
func (h *Host) network() (interfaces, addresses []string) {
	all, err := net.Interfaces()
	if err != nil {
		h.log.Warn("cannot read the network interfaces", "err", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			continue
		}
		interfaces = append(interfaces, i.Name)
		addrs, err := i.Addrs()
		if err != nil {
			h.log.Warn("cannot read the addresses of an interface", "interface", i.Name, "err", err)
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && !n.IP.IsLoopback() {
				addresses = append(addresses, n.String())
			}
		}
	}
	slices.Sort(interfaces)
	slices.Sort(addresses)
	return interfaces, slices.Compact(addresses)
}

// loginAccount is whom sudo was used by, or else who runs this.
func (h *Host) loginAccount() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	ids, err := h.names(false)
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return ids.UserName(uint32(os.Getuid())) //nolint:gosec // a uid
}

// osRelease reads os-release(5): shell-like assignments, quoted or not.
func (h *Host) osRelease() map[string]string {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		b, err := fs.ReadFile(hostFS{h}, name)
		if err == nil {
			return parseOSRelease(string(b))
		}
		// /etc/os-release is a link to the other, as a rule: not to be opened.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotRegular) {
			h.log.Warn("cannot read os-release", "err", err)
		}
	}
	return nil
}

func parseOSRelease(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			quote := value[0]
			value = value[1 : len(value)-1]
			if quote == '"' {
				value = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(value)
			}
		}
		m[key] = value
	}
	return m
}

// rpmArch gives rpm's name for what uname(2) calls the machine.
func rpmArch(machine string) string {
	switch machine {
	case "armv7l":
		return "armv7hl"
	case "i386", "i486", "i586":
		return "i686"
	}
	return machine
}

// bootTime reads btime of /proc/stat, in Unix seconds; 0 where it is not told.
func bootTime() int64 {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // opened for reading
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 0, 64<<10), 1<<20) // the line of interrupts is long
	for s.Scan() {
		if v, ok := strings.CutPrefix(s.Text(), "btime "); ok {
			t, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return 0
			}
			return t
		}
	}
	return 0
}
