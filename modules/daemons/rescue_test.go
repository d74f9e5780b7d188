package daemons_test

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/daemons"
	"hikae/modules/file"
)

// While a change waits for a new login a timer of systemd watches over it, and
// what that starts puts back what a killed agent has left. A change that logins
// do not hang on has none.
func TestTimerWatchesOverALogin(t *testing.T) {
	const conf = "/etc/ssh/sshd_config"
	h := hosttest.New(t)
	h.SetFacts(hosts.Facts{Systemd: true})
	h.Write(conf, "old\n")
	h.Write("/etc/motd", "old\n")
	h.Mkdir("/var/lib")
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		if c.Argv[0] == "systemctl" && c.Argv[1] == "show" {
			return hosts.Result{Stdout: []byte("ActiveState=inactive\n")}, nil
		}
		return hosts.Result{}, nil
	})
	x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}}, Units: daemons.Units(), Rescue: []string{"/usr/bin/hikae", "agent", "--rescue"}}
	killed := false
	apply := func(path string) {
		t.Helper()
		defer func() {
			if p := recover(); p != nil {
				killed = true
			}
		}()
		before := node(t, h, path)
		after := before
		after.Content = content("new\n")
		_, err := x.Apply(t.Context(), engine.ApplyRequest{
			Stage: engine.StageConfig, Holder: "test", LoginDeadline: time.Minute,
			Changes: []engine.Change{{
				Addr: engine.Addr{Kind: "file", Name: path}, Action: engine.Update,
				Before: &engine.Resource{Node: &before, Value: cty.NilVal}, After: &engine.Resource{Node: &after, Value: cty.NilVal},
			}},
		}, func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil }, func(e engine.ApplyEvent) {
			if e.Login != "" {
				panic("killed") // while it waits
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	timers := func() (out []string) {
		for _, c := range h.Runs() {
			if c.Argv[0] == "systemd-run" {
				out = append(out, strings.Join(c.Argv, " "))
			}
		}
		return out
	}
	apply("/etc/motd")
	if got := timers(); len(got) > 0 || killed || h.Text("/etc/motd") != "new\n" {
		t.Fatalf("without logins: %q", got)
	}
	apply(conf)
	got := timers()
	if len(got) != 1 || !strings.Contains(got[0], "--on-active=75 ") || !strings.HasSuffix(got[0], "-- /usr/bin/hikae agent --rescue") {
		t.Errorf("timers: %q", got)
	}
	if !killed || h.Text(conf) != "new\n" {
		t.Fatalf("killed: %v; %q stands there", killed, h.Text(conf))
	}
	notes, err := execute.Rescue(t.Context(), x)
	if err != nil || h.Text(conf) != "old\n" || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "put back") }) {
		t.Errorf("%q stands there; %q, %v", h.Text(conf), notes, err)
	}
	if notes, err := execute.Rescue(t.Context(), x); err != nil || notes != nil {
		t.Errorf("with nothing to do: %q, %v", notes, err)
	}
}

// The timer is called off with its group, but not where the group could not be
// put back: then it is the only one who will try again.
func TestTimerStaysWithWhatIsNotPutBack(t *testing.T) {
	const conf = "/etc/ssh/sshd_config"
	for _, lost := range []bool{false, true} {
		h := hosttest.New(t)
		h.SetFacts(hosts.Facts{Systemd: true})
		h.Write(conf, "old\n")
		h.Mkdir("/var/lib")
		before := node(t, h, conf)
		after := before
		after.Content = content("new\n")
		calledOff := false
		h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
			calledOff = calledOff || slices.Equal(c.Argv, []string{"systemctl", "stop", "hikae-rescue.timer"})
			if c.Argv[0] == "systemctl" && c.Argv[1] == "show" {
				return hosts.Result{Stdout: []byte("ActiveState=inactive\n")}, nil
			}
			return hosts.Result{}, nil
		})
		x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}}, Units: daemons.Units(), Rescue: []string{"/usr/bin/hikae"}}
		var kept string
		res, err := x.Apply(t.Context(), engine.ApplyRequest{
			Stage: engine.StageConfig, Holder: "test", LoginDeadline: 100 * time.Millisecond,
			Changes: []engine.Change{{
				Addr: engine.Addr{Kind: "file", Name: conf}, Action: engine.Update,
				Before: &engine.Resource{Node: &before, Value: cty.NilVal}, After: &engine.Resource{Node: &after, Value: cty.NilVal},
			}},
		}, func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil }, func(e engine.ApplyEvent) {
			if e.Kept != "" {
				kept = e.Kept
			}
			if e.Login != "" && lost { // the old bytes cannot be read any more
				if err := os.Rename(h.Path(kept), h.Path(kept+".away")); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if calledOff == lost || res.RolledBack == lost {
			t.Errorf("old bytes lost: %v: timer called off: %v; %+v", lost, calledOff, res)
		}
		if !lost {
			continue
		}
		if err := os.Rename(h.Path(kept+".away"), h.Path(kept)); err != nil {
			t.Fatal(err)
		}
		if _, err := execute.Rescue(t.Context(), x); err != nil || h.Text(conf) != "old\n" {
			t.Errorf("after the timer: %q stands there; %v", h.Text(conf), err)
		}
	}
}
