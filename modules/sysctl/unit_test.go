package sysctl

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// TestBring sets only what a changed file sets and another does not override,
// and tells what the kernel would not have.
func TestBring(t *testing.T) {
	h := hosttest.New(t)
	for key, value := range map[string]string{"vm/swappiness": "60\n", "vm/other": "1\n", "net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "net/ipv4/conf/eth0/rp_filter": "0\n", "net/ipv4/conf/eth1/rp_filter": "0\n", "kernel/locked": "0\n"} {
		h.Write("/proc/sys/"+key, value)
	}
	h.Write("/usr/lib/sysctl.d/50-default.conf", "vm.swappiness = 30\nvm.other = 5\n")
	h.Write("/etc/sysctl.d/60-x.conf", "vm.swappiness = 10\nvm.other = 2\nnet.ipv4.tcp_rmem = 4096 131072 6291456\nnet.ipv4.conf.*.rp_filter = 1\nnet.bridge.none = 1\nkernel.locked = 1\n")
	h.Write("/etc/sysctl.d/99-z.conf", "vm.other = 3\n")
	var set []string
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		key, value, _ := strings.Cut(c.Argv[len(c.Argv)-1], "=")
		set = append(set, key+"="+value)
		switch {
		case key == "kernel.locked":
			return hosts.Result{Code: 255, Stderr: []byte("sysctl: permission denied on key 'kernel.locked'")}, nil
		case value == "bad":
			return hosts.Result{Code: 255, Stderr: []byte("sysctl: setting key \"vm.swappiness\": Invalid argument")}, nil
		case key != "net.bridge.none":
			h.Write(procPath(key), value+"\n")
		}
		return hosts.Result{}, nil
	})
	err := bring(t.Context(), h, []string{"/etc/sysctl.d/60-x.conf", "/etc/motd"})
	notice, ok := errors.AsType[*engine.Notice](err)
	if !ok || !strings.Contains(notice.Text, "this kernel has no net.bridge.none") || !strings.Contains(notice.Text, "kernel.locked is not set to 1 now") {
		t.Errorf("got %v", err)
	}
	want := "kernel.locked=1 net.bridge.none=1 net.ipv4.conf.eth0.rp_filter=1 net.ipv4.conf.eth1.rp_filter=1 vm.other=3 vm.swappiness=10"
	if got := strings.Join(set, " "); got != want {
		t.Errorf("set %s", got)
	}
	h.Write("/etc/sysctl.d/60-x.conf", "vm.swappiness = bad\n")
	if err := bring(t.Context(), h, []string{"/etc/sysctl.d/60-x.conf"}); err == nil || !strings.Contains(err.Error(), "the kernel refuses vm.swappiness = bad") {
		t.Errorf("a value that the kernel refuses: %v", err)
	}
}
