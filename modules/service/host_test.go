package service

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts/local"
)

// These tests change the units of the machine they run on. HIKAE_TEST_ON_HOST
// says that it may be changed: a host of the lab, where the compiled test is run
// as root.

func realHost(t *testing.T) *local.Host {
	t.Helper()
	if os.Getenv("HIKAE_TEST_ON_HOST") == "" {
		t.Skip("HIKAE_TEST_ON_HOST is not set: this is no host to try things on")
	}
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	if !h.Facts().Systemd {
		t.Fatal("systemd does not run here")
	}
	return h
}

// testUnits are written to /etc/systemd/system and are gone after the test.
var testUnits = map[string]string{
	"hktest-good.service":  "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-old.service":   "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-bad.service":   "[Service]\nExecStart=/bin/sh -c 'echo password=hunter2; echo cannot bind; exit 3'\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-loop.service":  "[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 1'\nRestart=always\nRestartSec=100ms\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-once.service":  "[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-cond.service":  "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
	"hktest-plain.service": "[Service]\nExecStart=/bin/sleep 1000\n",
	"hktest-t@.service":    "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
	"hktest.timer":         "[Timer]\nOnCalendar=yearly\n[Install]\nWantedBy=timers.target\n",
	"hktest.service":       "[Service]\nType=oneshot\nExecStart=/bin/true\n",
	"hktest.socket":        "[Socket]\nListenStream=/run/hktest.sock\nAccept=no\n[Install]\nWantedBy=sockets.target\n",
}

const unitsAt = "/etc/systemd/system"

func systemctl(t testing.TB, args ...string) string {
	t.Helper()
	out, _ := exec.Command("systemctl", args...).CombinedOutput() // is-active and its kin exit with what they say
	return strings.TrimSpace(string(out))
}

func putUnits(t *testing.T) {
	t.Helper()
	for name, text := range testUnits {
		if err := os.WriteFile(filepath.Join(unitsAt, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	target := systemctl(t, "get-default")
	systemctl(t, "daemon-reload")
	t.Cleanup(func() {
		systemctl(t, "set-default", target)
		names := []string{"disable", "--now", "hktest-t@one.service"}
		for name := range testUnits {
			if !isTemplate(name) {
				names = append(names, name)
			}
		}
		systemctl(t, names...)
		for name := range testUnits {
			_ = os.Remove(filepath.Join(unitsAt, name))
		}
		systemctl(t, "daemon-reload")
		systemctl(t, "reset-failed")
	})
}

func readHost(t *testing.T, h *local.Host) map[string]cty.Value {
	t.Helper()
	got := map[string]cty.Value{}
	_, err := Module{}.Read(t.Context(), h, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r.Value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func applyHost(t *testing.T, h *local.Host, want map[string]cty.Value) error {
	t.Helper()
	return Module{}.Apply(t.Context(), h, engine.Job{
		Changes: plan(want, readHost(t, h)), Done: func(engine.Addr) {}, Progress: func(string) {},
	})
}

func TestOnHost(t *testing.T) {
	h := realHost(t)
	putUnits(t)
	// Old is enabled and runs; a mask must be put over a unit of a package.
	systemctl(t, "enable", "--now", "hktest-old.service")
	target := "multi-user.target"
	if systemctl(t, "get-default") == target {
		target = "graphical.target"
	}
	want := map[string]cty.Value{
		"hktest-good.service":  state3(cty.True, cty.False, cty.True),
		"hktest-old.service":   state3(cty.False, cty.False, cty.False),
		"hktest-once.service":  state3(cty.True, cty.False, open),
		"hktest-cond.service":  state3(cty.True, cty.False, open),
		"hktest-t@one.service": state3(cty.True, cty.False, cty.True),
		"hktest.timer":         state3(cty.True, cty.False, cty.True),
		"hktest.socket":        state3(cty.True, cty.False, cty.True),
		"default.target":       object(open, open, open, cty.StringVal(target)),
	}
	if err := applyHost(t, h, want); err != nil {
		t.Fatal(err)
	}
	if left := plan(want, readHost(t, h)); len(left) > 0 {
		t.Errorf("still to do: %+v %+v", left[0].Before, left[0].After)
	}
	// And without asking hikae.
	for cmd, wants := range map[string]string{
		"is-enabled hktest-good.service": "enabled", "is-active hktest-good.service": "active",
		"is-enabled hktest-old.service": "disabled", "is-active hktest-old.service": "inactive",
		"is-enabled hktest-t@one.service": "enabled", "is-active hktest-t@one.service": "active",
		"is-active hktest.timer": "active", "is-active hktest.socket": "active", "get-default": target,
	} {
		if got := systemctl(t, strings.Fields(cmd)...); got != wants {
			t.Errorf("systemctl %s says %s, want %s", cmd, got, wants)
		}
	}
	for name := range readHost(t, h) {
		if strings.HasPrefix(name, "user@") || name == "hktest-plain.service" || name == "hktest-t@.service" {
			t.Errorf("%s is read as something to carry", name)
		}
	}
}

func TestChangedUnitFileOnHost(t *testing.T) {
	h := realHost(t)
	putUnits(t)
	systemctl(t, "start", "hktest-good.service")
	systemctl(t, "stop", "hktest-good.service")
	text := strings.Replace(testUnits["hktest-good.service"], "sleep 1000", "sleep 2000", 1)
	if err := os.WriteFile(filepath.Join(unitsAt, "hktest-good.service"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := applyHost(t, h, map[string]cty.Value{"hktest-good.service": state3(open, open, cty.True)}); err != nil {
		t.Fatal(err)
	}
	if got := systemctl(t, "show", "-p", "ExecStart", "hktest-good.service"); !strings.Contains(got, "sleep 2000") {
		t.Errorf("started from the old file: %s", got)
	}
}

func TestFailuresOnHost(t *testing.T) {
	h := realHost(t)
	putUnits(t)
	err := applyHost(t, h, map[string]cty.Value{
		"hktest-good.service":    state3(cty.True, open, cty.True),
		"hktest-bad.service":     state3(open, open, cty.True),
		"hktest-loop.service":    state3(open, open, cty.True),
		"hktest-plain.service":   state3(cty.True, open, open),
		"hktest-missing.service": state3(cty.True, open, cty.True),
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"service:hktest-bad.service: it was started and", "cannot bind", "hktest-loop.service: it was started",
		"hktest-plain.service: it was enabled and is static", "hktest-missing.service: this host has no such unit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the error shows a secret")
	}
	if got := systemctl(t, "is-active", "hktest-good.service"); got != "active" {
		t.Errorf("a unit that can run is %s", got)
	}
}

func TestMaskOnHost(t *testing.T) {
	h := realHost(t)
	putUnits(t)
	// A unit in /etc cannot be masked: systemctl would have to remove the file.
	err := applyHost(t, h, map[string]cty.Value{"hktest-good.service": state3(open, cty.True, open)})
	if err == nil || !strings.Contains(err.Error(), "mask") {
		t.Errorf("error is %v", err)
	}
	unit := "" // one of a package, that is not in use
	for name, v := range readHost(t, h) {
		if strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "hktest") && !isTrue(v.GetAttr("running")) && !isTrue(v.GetAttr("masked")) {
			unit = name
		}
	}
	if unit == "" {
		t.Fatal("this host has no unit to mask")
	}
	was := systemctl(t, "is-enabled", unit)
	for _, masked := range []cty.Value{cty.True, cty.False} {
		want := map[string]cty.Value{unit: state3(open, masked, open)}
		if err := applyHost(t, h, want); err != nil {
			t.Fatal(err)
		}
		if left := plan(want, readHost(t, h)); len(left) > 0 {
			t.Errorf("%s, masked %v: still to do", unit, masked.True())
		}
	}
	if got := systemctl(t, "is-enabled", unit); got != was {
		t.Errorf("%s was %s and is %s", unit, was, got)
	}
}

func TestNeverStoppedOnHost(t *testing.T) {
	h := realHost(t)
	have := readHost(t, h)
	name := "sshd.service"
	if have[name] == cty.NilVal {
		name = "ssh.service"
	}
	err := applyHost(t, h, map[string]cty.Value{name: state3(cty.False, open, cty.False)})
	if !errors.Is(err, engine.ErrRefused) {
		t.Errorf("error is %v", err)
	}
}
