package moduletest

import (
	"context"
	"io"
	"path"
	"strings"
	"sync"
	"testing"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// recorder is a Reader that remembers where it was read.
type recorder struct {
	hosts.Reader
	mu     sync.Mutex // a Read may look in several places at once
	looked map[string]bool
}

func (r *recorder) look(p string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked[p] = true
}

func (r *recorder) lookAt(roots []hosts.WatchRoot) {
	for _, w := range roots {
		r.look(w.Path)
	}
}

func (r *recorder) Stat(p string) (hosts.Node, error) {
	r.look(p)
	return r.Reader.Stat(p)
}

func (r *recorder) ReadDir(p string) ([]string, error) {
	r.look(p)
	return r.Reader.ReadDir(p)
}

func (r *recorder) Open(p string) (io.ReadCloser, error) {
	r.look(p)
	return r.Reader.Open(p)
}

func (r *recorder) Digest(ctx context.Context, p string) (hosts.Content, error) {
	r.look(p)
	return r.Reader.Digest(ctx, p)
}

func (r *recorder) Walk(ctx context.Context, root string, fn func(string, hosts.Node) error, failed func(string, error)) error {
	return r.Reader.Walk(ctx, root, func(p string, n hosts.Node) error {
		r.look(p)
		return fn(p, n)
	}, failed)
}

func (r *recorder) Packages(ctx context.Context) ([]*rpmdb.Package, error) {
	r.lookAt(hosts.PackageSources())
	return r.Reader.Packages(ctx)
}

func (r *recorder) Units(ctx context.Context) ([]hosts.Unit, error) {
	r.lookAt(hosts.UnitSources())
	return r.Reader.Units(ctx)
}

// Sources fails where a Read looks at what the module does not say that it is
// read from, or the user: a change there would go unnoticed.
func Sources(t *testing.T, m engine.Module, s engine.Scope, h hosts.Reader) {
	t.Helper()
	sourced, ok := m.(engine.Sourced)
	if !ok {
		t.Fatalf("%T does not say what it is read from", m)
	}
	roots := append(sourced.Sources(), hosts.WatchTrees(s.Paths...)...)
	roots = append(roots, hosts.WatchFiles(s.Files...)...)
	if m.Schema().Node {
		roots = append(roots, hosts.WatchTrees("/etc")...)
	}
	r := &recorder{Reader: h, looked: map[string]bool{}}
	s.Vault = newVault()
	if _, err := m.Read(t.Context(), r, s, func(engine.Resource) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(r.looked) == 0 {
		t.Error("it looked at nothing")
	}
	for p := range r.looked {
		if !watched(p, roots) {
			t.Errorf("it looked at %s, which is none of its sources: %+v", p, roots)
		}
	}
}

// watched reports whether a change of the path is told of by a watch of the roots.
func watched(p string, roots []hosts.WatchRoot) bool {
	for _, w := range roots {
		if p != w.Path && path.Dir(p) != w.Path && (!w.Tree || !strings.HasPrefix(p, w.Path+"/")) {
			continue
		}
		if !excluded(p, w) {
			return true
		}
	}
	return false
}

func excluded(p string, w hosts.WatchRoot) bool {
	for ; len(p) >= len(w.Path); p = path.Dir(p) {
		for _, e := range w.Exclude {
			if rules.Match(e, p) {
				return true
			}
		}
		if p == "/" {
			break
		}
	}
	return false
}
