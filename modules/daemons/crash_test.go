package daemons_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/daemons"
	"hikae/modules/file"
)

// site is a host that serves: httpd with what it has loaded, and files that no
// daemon reads.
type site struct {
	t      *testing.T
	h      *hosttest.Host
	loaded string // the files of httpd when it last read them
	bad    string // a text that httpd does not live on
}

// The two states that the host is brought to. "" is nothing, "/" a directory.
var (
	stateA = map[string]string{
		"/etc/httpd/conf/httpd.conf": "A\n", "/etc/httpd/conf.d/gone.conf": "A only\n", "/etc/httpd/conf.d/dir": "/",
		"/etc/httpd/conf.d/dir/inner.conf": "A\n", "/etc/httpd/conf.d/becomes": "a file\n", "/etc/motd": "A\n", "/etc/issue": "A\n",
	}
	stateB = map[string]string{
		"/etc/httpd/conf/httpd.conf": "B\n", "/etc/httpd/conf.d/new.conf": "B only\n", "/etc/httpd/conf.d/dir": "a file now\n",
		"/etc/httpd/conf.d/becomes": "/", "/etc/httpd/conf.d/becomes/deep.conf": "B\n", "/etc/motd": "B\n", "/etc/new/loose": "B\n",
	}
)

func newSite(t *testing.T) *site {
	s := &site{t: t, h: hosttest.New(t)}
	s.h.SetFacts(hosts.Facts{Systemd: true})
	s.h.Mkdir("/usr/sbin")
	s.h.Write("/usr/sbin/httpd", "")
	for p, text := range stateA {
		if text == "/" {
			s.h.Mkdir(p)
		} else {
			s.h.Write(p, text)
		}
	}
	s.h.Mkdir("/etc/httpd/conf.d")
	s.loaded = s.conf()
	s.h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
		state := "active"
		if s.bad != "" && strings.Contains(s.loaded, s.bad) {
			state = "failed"
		}
		switch {
		case c.Argv[0] == "systemctl" && strings.Contains(c.Argv[1], "re"):
			s.loaded = s.conf()
		case c.Argv[0] == "systemctl" && c.Argv[1] == "show":
			return hosts.Result{Stdout: []byte("Id=httpd.service\nActiveState=" + state + "\nNRestarts=0\n")}, nil
		}
		return hosts.Result{}, nil
	})
	return s
}

// conf is what httpd would read now.
func (s *site) conf() string {
	s.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.h.Path("/etc/httpd"), func(p string, e fs.DirEntry, err error) error {
		if err != nil || hosts.IsTemp(p) {
			return err
		}
		rel := strings.TrimPrefix(p, s.h.Root)
		if e.IsDir() {
			fmt.Fprintf(&b, "%s/\n", rel)
		} else {
			fmt.Fprintf(&b, "%s: %s", rel, s.h.Text(rel))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// changes leads from what is there to a state, as a plan does.
func (s *site) changes(to, from map[string]string) []engine.Change {
	s.t.Helper()
	var cs []engine.Change
	for p, text := range to {
		c := engine.Change{Addr: engine.Addr{Kind: "file", Name: p}, Action: engine.Create, After: resource(wishFor(text))}
		if n, ok := s.there(p); ok {
			if n.Equal(c.After.Node) {
				continue
			}
			c.Action, c.Before = engine.Update, resource(n)
		}
		cs = append(cs, c)
	}
	for p := range from {
		if _, stays := to[p]; stays {
			continue
		}
		if n, ok := s.there(p); ok {
			cs = append(cs, engine.Change{Addr: engine.Addr{Kind: "file", Name: p}, Action: engine.Delete, Before: resource(n)})
		}
	}
	slices.SortFunc(cs, func(a, b engine.Change) int { return a.Addr.Compare(b.Addr) })
	return cs
}

func (s *site) there(p string) (hosts.Node, bool) {
	n, err := s.h.Stat(p)
	if err == nil && n.Type == hosts.File {
		n.Content = content(s.h.Text(p))
	}
	return n, err == nil
}

func resource(n hosts.Node) *engine.Resource { return &engine.Resource{Node: &n, Value: cty.NilVal} }

func wishFor(text string) hosts.Node {
	if text == "/" {
		return hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
	}
	return hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content(text)}
}

// apply runs an Executor. Time is made up, so that nobody waits while it
// watches the daemons.
func (s *site) apply(h hosts.Host, changes []engine.Change) (res engine.ApplyResult, err error) {
	synctest.Test(s.t, func(t *testing.T) { res, err = s.execute(t.Context(), h, changes) })
	return res, err
}

func (s *site) execute(ctx context.Context, h hosts.Host, changes []engine.Change) (engine.ApplyResult, error) {
	x := &execute.Executor{Host: h, Modules: []engine.Module{file.Module{}}, Units: daemons.Units()}
	return x.Apply(ctx, engine.ApplyRequest{Stage: engine.StageConfig, Holder: "test", Changes: changes},
		func(c hosts.Content) (io.ReadCloser, error) {
			for _, text := range stateB {
				if content(text) == c {
					return io.NopCloser(strings.NewReader(text)), nil
				}
			}
			return nil, fs.ErrNotExist
		}, func(engine.ApplyEvent) {})
}

// is reports whether the files below a directory are those of a state.
func (s *site) is(state map[string]string, below string) bool {
	s.t.Helper()
	for p, text := range state {
		n, ok := s.there(p)
		want := wishFor(text)
		if strings.HasPrefix(p, below) && (!ok || !n.Equal(&want)) {
			return false
		}
	}
	for _, other := range []map[string]string{stateA, stateB} {
		for p := range other {
			if _, ok := s.there(p); ok && state[p] == "" && strings.HasPrefix(p, below) && p != "/etc/issue" {
				return false
			}
		}
	}
	return true
}

// left lists what an apply should not leave.
func (s *site) left() []string {
	s.t.Helper()
	var found []string
	err := filepath.WalkDir(s.h.Root, func(p string, _ fs.DirEntry, err error) error {
		if hosts.IsTemp(p) || strings.HasSuffix(p, "/hikae/journal") {
			found = append(found, strings.TrimPrefix(p, s.h.Root))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// An apply that is cut off at any write is brought to its end by the next one:
// no half of a group stays, what stays is what the daemon runs on, and nothing
// else is left.
func TestApplyCutOffAnywhere(t *testing.T) {
	s := newSite(t)
	f := hosttest.NewFaulty(s.h)
	if res, err := s.apply(f, s.changes(stateB, stateA)); err != nil || res.Err != "" {
		t.Fatalf("without a fault: %+v, %v", res, err)
	}
	if !s.is(stateB, "/etc/") || s.loaded != s.conf() || len(s.left()) > 0 {
		t.Fatalf("without a fault: %s\nloaded %s\nleft %q", s.conf(), s.loaded, s.left())
	}
	for _, fault := range []hosttest.Fault{hosttest.Fail, hosttest.Stop, hosttest.StopAfter, hosttest.Torn} {
		step := 1
		if fault == hosttest.Fail || fault == hosttest.Torn { // nothing was done, as with Stop: every third is enough
			step = 3
		}
		for n := 1; n <= f.Writes(); n += step {
			t.Run(fmt.Sprintf("fault %d at write %d", fault, n), func(t *testing.T) {
				t.Parallel() // it is the disk that takes time
				s := newSite(t)
				f := hosttest.NewFaulty(s.h)
				f.At(n, fault)
				_, _ = s.apply(f, s.changes(stateB, stateA))
				s.h.Reopen()

				if _, err := s.apply(s.h, nil); err != nil {
					t.Fatal(err)
				}
				a, b := s.is(stateA, "/etc/httpd"), s.is(stateB, "/etc/httpd")
				if a == b {
					t.Errorf("half of the group stands there: %s", s.conf())
				}
				if s.loaded != s.conf() {
					t.Errorf("httpd runs on other files than stand there: %s\nloaded: %s", s.conf(), s.loaded)
				}
				if left := s.left(); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
				if cs := s.changes(stateB, stateA); len(cs) > 0 {
					if res, err := s.apply(s.h, cs); err != nil || res.Err != "" {
						t.Fatalf("the next apply: %+v, %v", res, err)
					}
				}
				if !s.is(stateB, "/etc/") || s.loaded != s.conf() || len(s.left()) > 0 {
					t.Errorf("in the end: %s\nloaded %s\nleft %q", s.conf(), s.loaded, s.left())
				}
			})
		}
	}
}

// A group that was cut off when all its files were new, and that its daemon
// does not live on, is put back from what was kept.
func TestFinishFails(t *testing.T) {
	s := newSite(t)
	f := hosttest.NewFaulty(s.h)
	_, _ = s.apply(f, s.changes(stateB, stateA))
	for n := f.Writes(); n > 0; n-- {
		s := newSite(t)
		f := hosttest.NewFaulty(s.h)
		f.At(n, hosttest.Stop)
		_, _ = s.apply(f, s.changes(stateB, stateA))
		if s.loaded != s.conf() && s.is(stateB, "/etc/httpd") { // all new, not yet reloaded
			s.h.Reopen()
			s.bad = "new.conf"
			res, err := s.apply(s.h, nil)
			if err != nil || !s.is(stateA, "/etc/httpd") || s.loaded != s.conf() || len(s.left()) > 0 {
				t.Errorf("%+v, %v: %s\nloaded %s\nleft %q", res, err, s.conf(), s.loaded, s.left())
			}
			if len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "put back") || res.RolledBack {
				t.Errorf("it says %+v", res)
			}
			return
		}
	}
	t.Fatal("no write was the last before the reload")
}

// What somebody has written since is not overwritten: the apply stops and names
// it, and the copy that was kept, until it is put right.
func TestConflictStops(t *testing.T) {
	const conf = "/etc/httpd/conf/httpd.conf"
	var s *site
	for n := 1; ; n++ {
		s = newSite(t)
		f := hosttest.NewFaulty(s.h)
		f.At(n, hosttest.Stop)
		_, _ = s.apply(f, s.changes(stateB, stateA))
		if s.h.Text(conf) == "B\n" {
			break
		}
	}
	s.h.Reopen()
	s.h.Write(conf, "by hand\n")
	for range 2 {
		_, err := s.apply(s.h, nil)
		if err == nil || !strings.Contains(err.Error(), conf) || !strings.Contains(err.Error(), engine.Kept) || !strings.Contains(err.Error(), "/var/lib/hikae/journal") {
			t.Fatalf("it says: %v", err)
		}
	}
	_, kept, _ := strings.Cut(fmt.Sprint(s.err()), "the old bytes are in ")
	kept, _, _ = strings.Cut(kept, " ")
	if got := s.h.Text(kept); got != "A\n" || s.h.Text(conf) != "by hand\n" {
		t.Errorf("%s holds %q", kept, got)
	}
	s.h.Write(conf, "A\n")
	if res, err := s.apply(s.h, nil); err != nil || !s.is(stateA, "/etc/httpd") {
		t.Errorf("when it was put right: %+v, %v", res, err)
	}
}

func (s *site) err() error {
	_, err := s.apply(s.h, nil)
	return err
}

// A refusal of a file that no daemon reads holds back nothing else.
func TestRefusedAlone(t *testing.T) {
	s := newSite(t)
	cs := s.changes(stateB, stateA)
	cs = append(cs, engine.Change{Addr: engine.Addr{Kind: "file", Name: "/etc/hostname"}, Action: engine.Create, After: resource(wishFor("B\n"))})
	s.h.Write("/etc/motd", "changed since\n")
	cs = slices.DeleteFunc(cs, func(c engine.Change) bool { return c.Addr.Name == "/etc/hostname" })
	res, err := s.apply(s.h, cs)
	if err != nil || len(res.NotApplied) != 1 || res.NotApplied[0].Name != "/etc/motd" || !strings.Contains(res.Err, "/etc/motd") {
		t.Errorf("%+v, %v", res, err)
	}
	if s.h.Text("/etc/motd") != "changed since\n" || s.h.Text("/etc/new/loose") != "B\n" || !s.is(stateB, "/etc/httpd") {
		t.Errorf("motd %q; %s", s.h.Text("/etc/motd"), s.conf())
	}
}
