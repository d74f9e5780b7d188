package local

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/google/go-cmp/cmp"

	"hikae/hosts"
	"hikae/hosts/unitfile"
)

const service = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

func TestUnitsOfARootThatIsNotBooted(t *testing.T) {
	h, root := newHost(t)
	for _, name := range []string{"on", "off", "masked", "tty@"} {
		write(t, root, "usr/lib/systemd/system/"+name+".service", service)
	}
	write(t, root, "usr/lib/systemd/system/static.target", "")
	write(t, root, "usr/lib/systemd/system/static.target", "[Unit]\n")
	write(t, root, "etc/systemd/system/multi-user.target.wants/.keep", "")
	symlink(t, root, "/usr/lib/systemd/system/on.service", "etc/systemd/system/multi-user.target.wants/on.service")
	symlink(t, root, "/usr/lib/systemd/system/tty@.service", "etc/systemd/system/multi-user.target.wants/tty@one.service")
	symlink(t, root, "/dev/null", "etc/systemd/system/masked.service")
	symlink(t, root, "/usr/lib/systemd/system/static.target", "etc/systemd/system/default.target")
	got, err := h.Units(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	lib := "/usr/lib/systemd/system/"
	want := []hosts.Unit{
		{Name: "default.target", File: "alias", Path: "/etc/systemd/system/default.target"},
		{Name: "masked.service", File: "masked", Path: "/etc/systemd/system/masked.service"},
		{Name: "off.service", File: "disabled", Path: lib + "off.service"},
		{Name: "on.service", File: "enabled", Path: lib + "on.service"},
		{Name: "static.target", File: "indirect", Path: lib + "static.target"},
		{Name: "tty@.service", File: "indirect", Path: lib + "tty@.service"},
		{Name: "tty@one.service", File: "enabled", Path: lib + "tty@.service"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := h.Facts(); f.DefaultUnit != "static.target" || f.Systemd || f.SystemState != "" {
		t.Errorf("%+v", f)
	}
}

// A unit file that was found without [Install] is not read again until it changes.
func TestUnitFileIsKnownToHaveNoInstall(t *testing.T) {
	h, root := newHost(t)
	const static, on = "usr/lib/systemd/system/static.service", "usr/lib/systemd/system/on.service"
	write(t, root, static, "[Service]\nExecStart=/bin/true\n")
	write(t, root, on, service)
	settle(t, h)
	states := func(h *Host) string {
		t.Helper()
		units, err := h.Units(context.Background())
		if err != nil || len(units) != 2 {
			t.Fatalf("%v, %v", units, err)
		}
		return units[0].File + " " + units[1].File
	}
	if got := states(h); got != "disabled static" {
		t.Error(got)
	}
	// The answer is believed: what says so of the other file is a lie.
	is, err := h.stamp("/" + on)
	if err != nil {
		t.Fatal(err)
	}
	lie := fitsRule("[Install]", "/"+on)
	if known := h.Stamps(); len(known) != 1 || known[0].Not != fitsRule("[Install]", "/"+static) {
		t.Errorf("remembered: %+v", known)
	}
	h.stamps.note(is, func(k *Digested) { k.Not = lie })
	h = again(t, h, root)
	if got := states(h); got != "static static" {
		t.Error(got)
	}
	write(t, root, on, service+"\n")
	write(t, root, static, service)
	if got := states(h); got != "disabled disabled" {
		t.Error("after a change:", got)
	}
}

func needSystemd(t testing.TB) *Host {
	t.Helper()
	if !isDir("/run/systemd/system") || os.Geteuid() != 0 {
		t.Skip("needs systemd as PID 1, and root")
	}
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func systemctl(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("systemctl", append(args, "--no-pager", "--no-legend", "--plain", "--full")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestUnitsAgainstSystemctl runs where systemd does: in the lab.
func TestUnitsAgainstSystemctl(t *testing.T) {
	h := needSystemd(t)
	list, err := h.Units(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]hosts.Unit{}
	for _, u := range list {
		got[u.Name] = u
	}
	if !slices.IsSortedFunc(list, func(a, b hosts.Unit) int { return strings.Compare(a.Name, b.Name) }) || len(got) != len(list) {
		t.Error("not sorted, or a name twice")
	}
	for _, line := range systemctl(t, "list-unit-files") {
		field := strings.Fields(line)
		u, there := got[field[0]]
		if field[1] == "generated" || field[1] == "transient" {
			if there {
				t.Errorf("%s is %s and there", field[0], field[1])
			}
			continue
		}
		if linkedByGenerator(field[0]) {
			continue
		}
		if u.File != field[1] {
			t.Errorf("%s: %q, systemctl says %s", field[0], u.File, field[1])
		}
	}
	n := 0
	for _, line := range systemctl(t, "list-units", "--all") {
		field := strings.Fields(line)
		u, there := got[field[0]]
		if !there {
			continue
		}
		n++
		if u.Active != field[2] || u.Sub != field[3] {
			t.Errorf("%s: %s (%s), systemctl says %s (%s)", field[0], u.Active, u.Sub, field[2], field[3])
		}
	}
	t.Logf("%d units, %d loaded", len(list), n)
	for _, u := range list {
		running := u.Active == "active" && u.Sub == "running"
		enabled := strings.HasPrefix(u.File, "enabled")
		if filepath.Ext(u.Name) != ".service" || strings.Contains(u.Name, "@.") || !running && !enabled {
			continue
		}
		kind := systemctl(t, "show", u.Name, "-p", "Type")[0]
		if once := kind == "Type=oneshot"; once && !u.NotApplicable || !once && u.NotApplicable && u.Active != "inactive" {
			t.Errorf("%s (%s): not applicable: %v, systemctl says %s", u.Name, u.Sub, u.NotApplicable, kind)
		}
	}
}

// linkedByGenerator reports whether a generator wants the unit or an instance of
// it: for systemd that is enabling until the next boot, for us it is not.
func linkedByGenerator(name string) bool {
	found, _ := filepath.Glob("/run/systemd/generator*/*.wants/*") // its only error is a bad pattern
	for _, p := range found {
		if link := filepath.Base(p); link == name || unitfile.Template(link) == name {
			return true
		}
	}
	return false
}

func TestLiveChanges(t *testing.T) {
	h := needSystemd(t)
	ctx := context.Background()
	dir := "/etc/systemd/system/"
	files := map[string]string{
		"hktest.service":         "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
		"hktest-once.service":    "[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
		"hktest-if.service":      "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
		"hktest-restart.service": "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1h\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=10ms\n[Install]\nWantedBy=multi-user.target\n",
		"hktest@.service":        "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
	}
	var names []string
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.Replace(name, "@.", "@loaded.", 1))
	}
	names = append(names, "hktest@unloaded.service")
	t.Cleanup(func() {
		for _, name := range names {
			_ = exec.Command("systemctl", "disable", "--now", name).Run()
		}
		for name := range files {
			_ = os.Remove(filepath.Join(dir, name))
		}
		_ = exec.Command("systemctl", "daemon-reload").Run()
	})
	run(t, "systemctl", "daemon-reload")
	run(t, append([]string{"systemctl", "enable"}, names...)...)
	for _, name := range names[:len(names)-1] {
		_ = exec.Command("systemctl", "start", name).Run()
	}
	for range 1000 { // until the failing one has been given up
		if exec.Command("systemctl", "is-failed", "-q", "hktest-restart.service").Run() == nil {
			break
		}
	}
	run(t, "systemctl", "stop", "hktest@unloaded.service")
	list, err := h.Units(ctx)
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		file, active string
		na           bool
	}
	want := map[string]state{
		"hktest.service":          {"enabled", "active", false},
		"hktest-once.service":     {"enabled", "inactive", true},
		"hktest-if.service":       {"enabled", "inactive", true},
		"hktest-restart.service":  {"enabled", "failed", false},
		"hktest@.service":         {"indirect", "inactive", false},
		"hktest@loaded.service":   {"enabled", "active", false},
		"hktest@unloaded.service": {"enabled", "inactive", false},
	}
	for _, u := range list {
		if !strings.HasPrefix(u.Name, "hktest") {
			continue
		}
		w := want[u.Name]
		delete(want, u.Name)
		if u.Name == "hktest@unloaded.service" { // systemd may have forgotten it
			w.active = u.Active
		}
		if got := (state{u.File, u.Active, u.NotApplicable}); got != w {
			t.Errorf("%s: %+v, want %+v", u.Name, got, w)
		}
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
	f := h.Facts()
	if !f.Systemd || f.SystemState == "" || f.DefaultUnit == "" || f.Booted == 0 {
		t.Errorf("%+v", f)
	}
}

func BenchmarkUnits(b *testing.B) {
	h := needSystemd(b)
	n := 0
	for b.Loop() {
		list, err := h.Units(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		n = len(list)
	}
	b.ReportMetric(float64(n), "units")
}

func TestBusEscape(t *testing.T) {
	for name, want := range map[string]string{"": "_", "0a@b-c.service": "_30a_40b_2dc_2eservice", "a0.mount": "a0_2emount", "\xc3.x": "_c3_2ex"} {
		if got := dbus.PathBusEscape(name); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}
