package daemons_test

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/daemons"
	"hikae/modules/file"
)

// A daemon that refuses its configuration, or does not live on it, has it put
// back and goes on with the old one.
func TestGroupIsPutBack(t *testing.T) {
	const conf = "/etc/httpd/conf/httpd.conf"
	for _, tt := range []struct {
		name       string
		check      int    // exit code of httpd -t
		state      string // of the unit, after the reload
		back       string // and once its files are put back
		rolledBack bool
	}{
		{"accepted and alive", 0, "active", "", false},
		{"refused by its checker", 1, "active", "active", true},
		{"dead after the reload", 0, "failed", "active", true},
		{"dead on its old files too", 0, "failed", "failed", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New(t)
			h.SetFacts(hosts.Facts{Systemd: true})
			h.Mkdir("/etc/httpd/conf")
			h.Mkdir("/usr/sbin")
			h.Write("/usr/sbin/httpd", "")
			h.Write(conf, "old\n")
			reloads := 0
			h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
				switch {
				case slices.Equal(c.Argv, []string{"/usr/sbin/httpd", "-t"}) && h.Text(conf) != "old\n":
					return hosts.Result{Code: tt.check, Stderr: []byte("AH00526: Syntax error on line 1\nDBDParams pass=hunter2: no\n"), Stdout: []byte(strings.Repeat("all of it\n", 9))}, nil
				case c.Argv[0] == "systemctl" && c.Argv[1] == "reload-or-restart":
					reloads++
				case c.Argv[0] == "systemctl" && c.Argv[1] == "show":
					state := "active"
					switch reloads {
					case 1:
						state = tt.state
					case 2:
						state = tt.back
					}
					return hosts.Result{Stdout: []byte("Id=httpd.service\nActiveState=" + state + "\nNRestarts=0\n")}, nil
				}
				return hosts.Result{}, nil
			})
			inode := inodeOf(t, h, conf)
			res := applyNew(t, h, conf)
			want, applied := "new\n", 1
			if tt.back != "" {
				want, applied = "old\n", 0
			}
			if got := h.Text(conf); got != want || res.RolledBack != tt.rolledBack || len(res.Applied) != applied {
				t.Errorf("%q stands there; result %+v", got, res)
			}
			if tt.check != 0 && inodeOf(t, h, conf) != inode {
				t.Error("what the checker refuses was in its place for a while")
			}
			if strings.Contains(res.Err, "hunter2") || tt.check != 0 && !strings.Contains(res.Err, "AH00526") {
				t.Errorf("the error shows a secret, or not the checker's words: %s", res.Err)
			}
			if tt.back == "failed" && !strings.Contains(res.Err, "while putting it back: httpd.service is failed") {
				t.Errorf("the error does not say that it is dead still: %s", res.Err)
			}
			if tt.rolledBack && !strings.Contains(res.Err, "httpd") {
				t.Errorf("the error does not say why: %s", res.Err)
			}
		})
	}
}

// applyNew changes a file to "new\n" on a host with all daemons.
func applyNew(t *testing.T, h *hosttest.Host, conf string) engine.ApplyResult {
	t.Helper()
	before := node(t, h, conf)
	after := before
	after.Content = content("new\n")
	x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}}, Units: daemons.Units()}
	res, err := x.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig, Holder: "test", Changes: []engine.Change{{
		Addr: engine.Addr{Kind: "file", Name: conf}, Action: engine.Update,
		Before: &engine.Resource{Node: &before, Value: cty.NilVal}, After: &engine.Resource{Node: &after, Value: cty.NilVal},
	}}}, func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil }, func(engine.ApplyEvent) {})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// services is a kind "service" that only says that it was asked.
type services struct{ engine.Module }

func (services) Schema() engine.Schema                               { return engine.Schema{Kind: "service"} }
func (services) Apply(context.Context, hosts.Host, engine.Job) error { return nil }

// applyUnit brings a unit file and its service to a host whose systemd answers
// as said.
func applyUnit(t *testing.T, h *hosttest.Host, name string, run func(hosts.Cmd) hosts.Result) engine.ApplyResult {
	t.Helper()
	h.SetFacts(hosts.Facts{Systemd: true})
	h.Mkdir("/etc/systemd/system")
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) { return run(c), nil })
	file1 := hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content("new\n")}
	x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}, services{}}}
	res, err := x.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig, Holder: "test", Changes: []engine.Change{
		{
			Addr: engine.Addr{Kind: "file", Name: "/etc/systemd/system/" + name}, Action: engine.Create,
			After: &engine.Resource{Node: &file1, Value: cty.NilVal},
		}, {
			Addr: engine.Addr{Kind: "service", Name: name}, Action: engine.Create,
			After: &engine.Resource{Value: cty.ObjectVal(map[string]cty.Value{"enabled": cty.True, "running": cty.True})},
		},
	}}, func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil }, func(engine.ApplyEvent) {})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A unit that came with a group that is put back is stopped with it, before
// its file goes.
func TestNewUnitIsStoppedAgain(t *testing.T) {
	h := hosttest.New(t)
	there := ""
	res := applyUnit(t, h, "x.service", func(c hosts.Cmd) hosts.Result {
		switch {
		case c.Argv[0] == "systemctl" && c.Argv[1] == "show":
			return hosts.Result{Stdout: []byte("Id=x.service\nActiveState=failed\n")}
		case slices.Equal(c.Argv, []string{"systemctl", "disable", "--now", "x.service"}):
			there = h.Text("/etc/systemd/system/x.service")
		}
		return hosts.Result{}
	})
	if _, err := h.Stat("/etc/systemd/system/x.service"); err == nil || there != "new\n" || !res.RolledBack {
		t.Errorf("stopped with the file %q; %+v", there, res)
	}
}

// What cannot be asked of systemd is not taken for "nothing runs": nothing is
// changed.
func TestUnknownStatesChangeNothing(t *testing.T) {
	h := hosttest.New(t)
	res := applyUnit(t, h, "x.service", func(c hosts.Cmd) hosts.Result {
		if c.Argv[0] == "systemctl" && c.Argv[1] == "show" {
			return hosts.Result{Code: 1, Stderr: []byte("Failed to connect to bus")}
		}
		return hosts.Result{}
	})
	if _, err := h.Stat("/etc/systemd/system/x.service"); err == nil || len(res.Applied) > 0 || !strings.Contains(res.Err, "bus") {
		t.Errorf("got %+v", res)
	}
}

// A template is not asked for, nor what depends on it lost.
func TestTemplateIsNoUnit(t *testing.T) {
	reloads := 0
	h := hosttest.New(t)
	h.Mkdir("/etc/systemd/system")
	h.SetFacts(hosts.Facts{Systemd: true})
	h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		switch c.Argv[1] {
		case "show":
			return hosts.Result{Code: 1, Stderr: []byte("neither a valid invocation ID nor unit name")}, nil
		case "daemon-reload":
			reloads++
		}
		return hosts.Result{}, nil
	})
	n := hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content("new\n")}
	x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}}}
	res, err := x.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig, Changes: []engine.Change{{
		Addr: engine.Addr{Kind: "file", Name: "/etc/systemd/system/x@.service"}, Action: engine.Create,
		After: &engine.Resource{Node: &n, Value: cty.NilVal},
	}}}, func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil }, func(engine.ApplyEvent) {})
	if err != nil || res.Err != "" || reloads != 1 {
		t.Errorf("%d reloads; %+v, %v", reloads, res, err)
	}
}

func inodeOf(t *testing.T, h *hosttest.Host, p string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(h.Path(p), &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func node(t *testing.T, h *hosttest.Host, p string) hosts.Node {
	t.Helper()
	n, err := h.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	n.Content = content(h.Text(p))
	return n
}

func content(s string) hosts.Content {
	return hosts.Content{Size: int64(len(s)), ID: sha256.Sum256([]byte(s))}
}
