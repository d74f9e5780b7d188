package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// fake is a host of files in memory whose n-th write can be made to fail.
type fake struct {
	hosts.Host // whatever else is asked for panics
	facts      hosts.Facts
	nodes      map[string]hosts.Node
	data       map[string][]byte
	runs       [][]string
	writes     []string
	failAt     int // fail the write with this number, and all after it; 0: none
}

var errStopped = errors.New("stopped here")

func newFake() *fake {
	f := &fake{nodes: map[string]hosts.Node{}, data: map[string][]byte{}}
	for _, d := range []string{"/", "/etc", "/etc/skel", "/home"} {
		f.nodes[d] = hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
	}
	f.file(passwdPath, 0o644, "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\nann:x:1000:1000:Ann:/home/ann:/bin/bash\n")
	f.file(shadowPath, 0, "root:$6$rootsalt$roothash:19000:0:99999:7:::\nbin:*:18700:0:99999:7:::\nann:$6$annsalt$annhash:19000:0:99999:7:::\n")
	f.file(groupPath, 0o644, "root:x:0:\nbin:x:1:\nwheel:x:10:ann\nann:x:1000:\n")
	f.file(gshadowPath, 0, "root:::\nbin:::\nwheel:::ann\nann:!::\n")
	f.file(subuidPath, 0o644, "ann:100000:65536\n")
	f.file("/etc/skel/.bashrc", 0o644, "# .bashrc\n")
	f.file("/etc/skel/.procmailrc", 0o600, "DEFAULT=Maildir/\n")
	return f
}

func (f *fake) file(p string, mode uint32, data string) {
	f.nodes[p] = hosts.Node{Type: hosts.File, Mode: mode, Owner: "root", Group: "root"}
	f.data[p] = []byte(data)
}

func (f *fake) Facts() hosts.Facts { return f.facts }

func (f *fake) Stat(p string) (hosts.Node, error) {
	n, ok := f.nodes[p]
	if !ok {
		return n, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (f *fake) Open(p string) (io.ReadCloser, error) {
	if f.nodes[p].Type != hosts.File {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(f.data[p])), nil
}

func (f *fake) Walk(_ context.Context, root string, fn func(string, hosts.Node) error, _ func(string, error)) error {
	for _, p := range slices.Sorted(maps.Keys(f.nodes)) {
		if p == root || strings.HasPrefix(p, root+"/") {
			if err := fn(p, f.nodes[p]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fake) Labels(context.Context, []string) (map[string]string, error) { return nil, nil }

func (f *fake) step(what string) error {
	if f.failAt > 0 && len(f.writes)+1 >= f.failAt {
		return fmt.Errorf("%s: %w", what, errStopped)
	}
	f.writes = append(f.writes, what)
	return nil
}

func (f *fake) Put(_ context.Context, p string, n hosts.Node, content io.Reader) error {
	if _, ok := f.nodes[path.Dir(p)]; !ok {
		return &fs.PathError{Op: "put", Path: p, Err: fs.ErrNotExist}
	}
	if err := f.step("put " + p); err != nil {
		return err
	}
	if n.Type == hosts.File {
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if int64(len(b)) != n.Content.Size && !strings.HasPrefix(p, "/home/") {
			return fmt.Errorf("%s: %d bytes, %d were said", p, len(b), n.Content.Size)
		}
		f.data[p] = b
	}
	f.nodes[p] = n
	return nil
}

func (f *fake) Remove(_ context.Context, p string) error {
	if err := f.step("remove " + p); err != nil {
		return err
	}
	delete(f.nodes, p)
	delete(f.data, p)
	return nil
}

func (f *fake) Run(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
	if err := f.step("run " + c.Argv[0]); err != nil {
		return hosts.Result{}, err
	}
	f.runs = append(f.runs, c.Argv)
	return hosts.Result{}, nil
}

// vault names secrets by themselves, which is easy to read in a test.
type vault map[hosts.ID]string

func (v vault) Plain(hosts.Content, func() (io.ReadCloser, error)) {}

func (v vault) Unnamed(string, int64, func() (io.ReadCloser, error)) {}

func (v vault) Secret(open func() (io.ReadCloser, error)) (hosts.Content, error) {
	r, err := open()
	if err != nil {
		return hosts.Content{}, err
	}
	b, err := io.ReadAll(r)
	c := hosts.Content{Size: int64(len(b)), Sealed: true}
	copy(c.ID[:], b)
	v[c.ID] = string(b)
	return c, err
}

func (v vault) open(c hosts.Content) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(v[c.ID])), nil
}

func read(t testing.TB, m engine.Module, r hosts.Reader, v vault) map[string]cty.Value {
	t.Helper()
	got := map[string]cty.Value{}
	_, err := m.Read(context.Background(), r, engine.Scope{Vault: v}, func(r engine.Resource) error {
		got[r.Addr.Name] = r.Value
		if !r.Value.Type().Equals(m.Schema().ObjectType()) {
			t.Errorf("%s is not of its schema's type: %#v", r.Addr, r.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// apply runs changes and returns what was reported done.
func apply(m engine.Module, h hosts.Host, v vault, cs ...engine.Change) ([]string, error) {
	var done []string
	err := m.Apply(context.Background(), h, engine.Job{
		Changes: cs, Open: v.open,
		Done:     func(a engine.Addr) { done = append(done, a.Name) },
		Progress: func(string) {},
	})
	return done, err
}

// plan is the difference as the engine makes it: what the wish leaves open is
// what is there.
func plan(m engine.Module, want, have map[string]cty.Value) []engine.Change {
	kind := m.Schema().Kind
	var cs []engine.Change
	for _, name := range slices.Sorted(maps.Keys(want)) {
		a := engine.Addr{Kind: kind, Name: name}
		w := &engine.Resource{Addr: a, Value: want[name]}
		h, ok := have[name]
		if !ok {
			cs = append(cs, engine.Change{Addr: a, Action: engine.Create, After: w})
			continue
		}
		attrs, differs := h.AsValueMap(), false
		for k, v := range want[name].AsValueMap() {
			if !v.IsNull() && !v.RawEquals(attrs[k]) {
				attrs[k], differs = v, true
			}
		}
		if differs {
			cs = append(cs, engine.Change{Addr: a, Action: engine.Update,
				Before: &engine.Resource{Addr: a, Value: h}, After: &engine.Resource{Addr: a, Value: cty.ObjectVal(attrs)}})
		}
	}
	return cs
}

func deletion(m engine.Module, name string) engine.Change {
	return engine.Change{Addr: engine.Addr{Kind: m.Schema().Kind, Name: name}, Action: engine.Delete}
}
