package file

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

// put sets a file with metadata.
func put(tb testing.TB, h *hosttest.Host, p string, n hosts.Node, text string) {
	tb.Helper()
	n.Content.Size = int64(len(text))
	if err := h.Put(context.Background(), p, n, strings.NewReader(text)); err != nil {
		tb.Fatal(err)
	}
}

func source(tb testing.TB) *hosttest.Host {
	h := hosttest.New(tb)
	h.Mkdir("/etc/new/deep")
	h.Write("/etc/new/deep/file", "text\n")
	h.Write("/etc/changed", "new\n")
	h.Write("/etc/key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n")
	h.Symlink("deep/file", "/etc/new/link")
	h.Symlink("elsewhere", "/etc/retargeted")
	h.Write("/etc/odd name % \xff", "bytes\n")
	put(tb, h, "/etc/meta", hosts.Node{Type: hosts.File, Mode: 0o2750, Owner: "alice", Group: "web",
		ACL: "u::rwx,u:bob:r--,g::r-x,m::r-x,o::---", Xattrs: map[string]string{"user.a": "b\x00c"}}, "meta")
	h.Write("/etc/was-dir", "a file now\n")
	return h
}

func target(tb testing.TB) *hosttest.Host {
	h := hosttest.New(tb)
	h.Write("/etc/changed", "old\n")
	h.Write("/etc/own", "stays\n")
	h.Write("/etc/gone", "goes\n")
	h.Symlink("before", "/etc/retargeted")
	h.Write("/etc/meta", "old meta")
	h.Mkdir("/etc/was-dir")
	return h
}

func TestConformance(t *testing.T) {
	moduletest.Run(t, moduletest.Case{
		Module: Module{}, Source: source, Target: target,
		Base: []engine.Addr{{Kind: Kind, Name: "/etc/gone"}},
	})
}

// A failed commit puts everything back; a rollback after it does too.
func TestRollback(t *testing.T) {
	ctx := context.Background()
	h := target(t)
	contents := map[hosts.ID]string{sha256.Sum256([]byte("one")): "one", sha256.Sum256([]byte("two")): "two"}
	node := func(text string) *hosts.Node {
		return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: 3, ID: sha256.Sum256([]byte(text))}}
	}
	before, err := current(ctx, h, "/etc/changed")
	if err != nil {
		t.Fatal(err)
	}
	changes := []engine.Change{
		{Addr: engine.Addr{Kind: Kind, Name: "/etc/changed"}, Action: engine.Update, Before: &engine.Resource{Node: before}, After: &engine.Resource{Node: node("one")}},
		{Addr: engine.Addr{Kind: Kind, Name: "/etc/x/y/new"}, Action: engine.Create, After: &engine.Resource{Node: node("two")}},
	}
	job := engine.Job{
		Changes: changes,
		Open: func(c hosts.Content) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(contents[c.ID])), nil
		},
		Keep: func(ctx context.Context, paths []string) ([]string, error) {
			put(t, h, "/tmp/kept", *before, h.Text(paths[0]))
			return []string{"/tmp/kept"}, nil
		},
		Done: func(engine.Addr) {},
	}
	tx, err := Module{}.Begin(ctx, h, job)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Text("/etc/changed"); got != "old\n" {
		t.Errorf("before the commit: %q", got)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := h.Text("/etc/changed") + h.Text("/etc/x/y/new"); got != "onetwo" {
		t.Errorf("after the commit: %q", got)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if got := h.Text("/etc/changed"); got != "old\n" {
		t.Errorf("after the rollback: %q", got)
	}
	if _, err := h.Stat("/etc/x"); err == nil {
		t.Error("the new directory stayed")
	}
}

// The writer refuses what is the host's own, and paths that are no paths.
func TestWriterRefuses(t *testing.T) {
	paths := []string{"relative", "/", "/etc/../shadow", "/etc//x", "/etc/x\x00y", "/etc/passwd"}
	for _, r := range rules.HostOnlyPaths().Rules() {
		paths = append(paths, r.Example)
	}
	for _, p := range paths {
		h := hosttest.New(t)
		err := Module{}.Apply(context.Background(), h, engine.Job{Changes: []engine.Change{{
			Addr: engine.Addr{Kind: Kind, Name: p}, Action: engine.Create,
			After: &engine.Resource{Node: &hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}},
		}}})
		if err == nil || !strings.HasPrefix(err.Error(), engine.ErrRefused.Error()) {
			t.Errorf("%q is taken: %v", p, err)
		}
	}
}

// What changed since the plan is not overwritten.
func TestRefusesWhatChangedSince(t *testing.T) {
	h := target(t)
	before, err := current(context.Background(), h, "/etc/changed")
	if err != nil {
		t.Fatal(err)
	}
	h.Write("/etc/changed", "meanwhile\n")
	err = Module{}.Apply(context.Background(), h, engine.Job{Changes: []engine.Change{{
		Addr: engine.Addr{Kind: Kind, Name: "/etc/changed"}, Action: engine.Delete, Before: &engine.Resource{Node: before},
	}}})
	if err == nil || h.Text("/etc/changed") != "meanwhile\n" {
		t.Errorf("overwritten: %v", err)
	}
}

// What an apply that was cut off had made already is put back as it stands: the
// old bytes are where that apply kept them.
func TestRollbackOfWhatWasThere(t *testing.T) {
	ctx := context.Background()
	h := hosttest.New(t)
	h.Write("/etc/a", "new\n")
	now, err := current(ctx, h, "/etc/a")
	if err != nil {
		t.Fatal(err)
	}
	older, link := *now, hosts.Node{Type: hosts.Link, Link: "elsewhere", Owner: "root", Group: "root"}
	older.Content = hosts.Content{Size: 99, ID: hosts.ID{1}}
	for _, before := range []*hosts.Node{&older, &link} {
		tx, err := Module{}.Begin(ctx, h, engine.Job{
			Changes: []engine.Change{
				{Addr: engine.Addr{Kind: Kind, Name: "/etc/a"}, Action: engine.Update, Before: &engine.Resource{Node: before}, After: &engine.Resource{Node: now}},
				{Addr: engine.Addr{Kind: Kind, Name: "/etc/gone"}, Action: engine.Delete, Before: &engine.Resource{Node: &older}},
			},
			Open: func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil },
			Keep: func(_ context.Context, paths []string) ([]string, error) {
				put(t, h, "/tmp/kept", *now, h.Text(paths[0]))
				return []string{"/tmp/kept"}, nil
			},
			Done: func(engine.Addr) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Error(err)
		}
		if got := h.Text("/etc/a"); got != "new\n" {
			t.Errorf("after the rollback: %q", got)
		}
		if _, err := h.Stat("/etc/gone"); err == nil {
			t.Error("what was gone came back")
		}
	}
}
