package file

import (
	"io"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// A view shows what a transaction has made ready, new directories and what
// takes a directory's place included, and the host shows none of it.
func TestLaidIsSeen(t *testing.T) {
	h := hosttest.New(t)
	h.Write("/etc/d/was-file", "old\n")
	h.Write("/etc/d/was-dir/inner", "old\n")
	node := func(p string) *hosts.Node {
		n, err := current(t.Context(), h, p)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	text := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: 4}}
	dir := &hosts.Node{Type: hosts.Dir, Mode: 0o750, Owner: "root", Group: "web"}
	change := func(p string, after *hosts.Node) engine.Change {
		c := engine.Change{Addr: engine.Addr{Kind: Kind, Name: p}, Action: engine.Create}
		if b := node(p); b.Type != hosts.Absent {
			c.Action, c.Before = engine.Update, &engine.Resource{Node: b}
		}
		if after == nil {
			c.Action = engine.Delete
			return c
		}
		c.After = &engine.Resource{Node: after}
		return c
	}
	tx, err := Module{}.Begin(t.Context(), h, engine.Job{
		Changes: []engine.Change{
			change("/etc/d/was-file", dir), change("/etc/d/was-file/a", text), change("/etc/d/new/deep/b", text),
			change("/etc/d/was-dir/inner", nil), change("/etc/d/was-dir", text),
		},
		Open: func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("new\n")), nil },
		Done: func(engine.Addr) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(r hosts.Reader) (all string) {
		for _, p := range []string{"/etc/d/was-file", "/etc/d/was-file/a", "/etc/d/new/deep/b", "/etc/d/was-dir", "/etc/d/was-dir/inner"} {
			n, err := r.Stat(p)
			if err != nil {
				n.Type = hosts.Absent
			}
			all += n.Type.String() + " "
		}
		return all
	}
	const before, after = "file absent absent directory file ", "directory file file file absent "
	err = h.Preview(t.Context(), tx.Laid(), func(view hosts.Host) error {
		if got := seen(view); got != after {
			t.Errorf("in the view: %s", got)
		}
		if n, err := view.Stat("/etc/d/was-file"); err != nil || n.Mode != 0o750 || n.Group != "web" {
			t.Errorf("the new directory: %+v, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := seen(h); got != before {
		t.Errorf("on the host: %s", got)
	}
	if err := tx.Commit(t.Context()); err != nil || seen(h) != after {
		t.Errorf("after the commit: %s, %v", seen(h), err)
	}
}
