package local

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What this process listens on is found by its descriptors.
func TestListeners(t *testing.T) {
	var want []string
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Logf("not tried: %v", err)
			continue
		}
		defer l.Close()
		want = append(want, "tcp "+l.Addr().String())
	}
	sock := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want = append(want, "unix "+sock)
	// One that is connected listens on nothing.
	c, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	ours := socketsOf("/proc/self/fd")
	slices.Sort(want)
	for _, from := range []string{"/proc/self/net", threadNet} { // the latter asks the kernel in another way
		var got []string
		for _, s := range listeners(from) {
			if ours[s.inode] {
				got = append(got, s.name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
	}
	if _, err := tcpListeners(); err != nil {
		t.Logf("this kernel does not tell by netlink: %v", err)
	}
}

func BenchmarkListeners(b *testing.B) {
	for _, from := range []string{"/proc/self/net", threadNet} {
		b.Run(from, func(b *testing.B) {
			for b.Loop() {
				listeners(from)
			}
		})
	}
}

func TestParseAddrPort(t *testing.T) {
	for in, want := range map[string]string{
		"0100007F:0050":                         "127.0.0.1:80",
		"00000000:0016":                         "0.0.0.0:22",
		"00000000000000000000000001000000:01BB": "[::1]:443",
		"000098FD000000000000000011000000:0035": "[fd98::11]:53",
	} {
		got, ok := parseAddrPort(in)
		if !ok || got.String() != want {
			t.Errorf("%s: %v, want %s", in, got, want)
		}
	}
	for _, in := range []string{"", "local_address", "01:1", "0100007F:10000"} {
		if got, ok := parseAddrPort(in); ok {
			t.Errorf("%q: %v", in, got)
		}
	}
}

// The name of a control group leads nowhere else.
func TestListeningRefuses(t *testing.T) {
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, cgroup := range []string{"", "/", "/../../proc", "system.slice"} {
		if got, err := h.Listening(context.Background(), cgroup); err == nil {
			t.Errorf("%q: %q", cgroup, got)
		}
	}
	if got, err := h.Listening(context.Background(), fmt.Sprintf("/none-%d", os.Getpid())); err != nil || len(got) > 0 {
		t.Errorf("one that is not there: %q, %v", strings.Join(got, " "), err)
	}
}
