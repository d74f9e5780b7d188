package daemons_test

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
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
		rolledBack bool
	}{
		{"accepted and alive", 0, "active", false},
		{"refused by its checker", 1, "active", true},
		{"dead after the reload", 0, "failed", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New(t)
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
					if reloads == 1 {
						state = tt.state
					}
					return hosts.Result{Stdout: []byte("Id=httpd.service\nActiveState=" + state + "\nNRestarts=0\n")}, nil
				}
				return hosts.Result{}, nil
			})
			before := node(t, h, conf)
			after := before
			after.Content = content("new\n")
			x := &engine.Executor{Host: h, Modules: []engine.Module{file.Module{}}, Units: daemons.Units()}
			res, err := x.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig, Holder: "test", Changes: []engine.Change{{
				Addr: engine.Addr{Kind: "file", Name: conf}, Action: engine.Update,
				Before: &engine.Resource{Node: &before, Value: cty.NilVal}, After: &engine.Resource{Node: &after, Value: cty.NilVal},
			}}}, func(hosts.Content) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("new\n")), nil
			}, func(engine.ApplyEvent) {})
			if err != nil {
				t.Fatal(err)
			}
			want, applied := "new\n", 1
			if tt.rolledBack {
				want, applied = "old\n", 0
			}
			if got := h.Text(conf); got != want || res.RolledBack != tt.rolledBack || len(res.Applied) != applied {
				t.Errorf("%q stands there; result %+v", got, res)
			}
			if strings.Contains(res.Err, "hunter2") || tt.check != 0 && !strings.Contains(res.Err, "AH00526") {
				t.Errorf("the error shows a secret, or not the checker's words: %s", res.Err)
			}
			if tt.rolledBack && !strings.Contains(res.Err, "httpd") {
				t.Errorf("the error does not say why: %s", res.Err)
			}
		})
	}
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
