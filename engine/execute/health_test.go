package execute

import (
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

func TestDead(t *testing.T) {
	first := unitState{UnitState: hosts.UnitState{Active: "active", Sub: "running", MainPID: 7, Restarts: 1}}
	for _, tt := range []struct {
		name string
		edit func(*unitState)
		want string
	}{
		{"as it was", func(*unitState) {}, ""},
		{"failed", func(s *unitState) { s.Active = "failed" }, "is failed"},
		{"stopped", func(s *unitState) { s.Active = "inactive" }, "is inactive"},
		{"reloading still", func(s *unitState) { s.Active = "reloading" }, ""},
		{"systemd waits to start it again", func(s *unitState) { s.Active, s.Sub = "activating", "auto-restart" }, "dies and is restarted"},
		{"systemd has started it again", func(s *unitState) { s.Restarts++ }, "dies and is restarted"},
		{"another main process", func(s *unitState) { s.MainPID++ }, "dies and is restarted"},
		{"a main process that is not known", func(s *unitState) { s.MainPID = 0 }, ""},
	} {
		now := first
		tt.edit(&now)
		if got := now.dead(first); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// mounted is a host of which only that can be read.
type mounted struct {
	hosts.Reader
	text string
}

func (m mounted) Open(path string) (io.ReadCloser, error) {
	if path != "/proc/1/mountinfo" || m.text == "" {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(m.text)), nil
}

// A replaced file is stale where a mount shows what was there before, and
// nothing else is.
func TestStale(t *testing.T) {
	const mounts = `22 1 0:20 / / rw - overlay overlay rw
31 22 0:20 /etc/named.conf//deleted /var/named/chroot/etc/named.conf rw - overlay overlay rw
32 22 0:20 /etc/rndc.key /var/named/chroot/etc/rndc.key rw - overlay overlay rw
33 22 0:21 /named.zones//deleted /mnt/x rw - btrfs sda rw
34 22 0:22 //deleted /run/gone rw - tmpfs tmpfs rw
`
	paths := []string{"/etc/named.conf", "/etc/rndc.key", "/etc/named.zones", "/etc/other"}
	got := stale(mounted{text: mounts}, paths)
	if want := []string{"/etc/named.conf", "/etc/named.zones"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := stale(mounted{}, paths); got != nil {
		t.Errorf("a host that does not run: %q", got)
	}
	named := &engine.Unit{Reads: []string{"/etc/named*"}, Before: []string{"named-chroot-setup.service"}}
	if !rebinds(named, got) || rebinds(named, []string{"/etc/other"}) || rebinds(&engine.Unit{Reads: named.Reads}, got) {
		t.Error("which units are restarted for them is wrong")
	}
}
