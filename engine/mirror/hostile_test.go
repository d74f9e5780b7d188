package mirror

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hikae/engine/agent"
	"hikae/engine/execute"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/local"
)

// liar is a host whose tree holds whatever list says.
type liar struct {
	*local.Host
	list func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole)
}

type lyingTree struct {
	hosts.Tree
	list func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole)
}

func (l *liar) OpenTree(root string, o hosts.TreeOptions) (hosts.Tree, error) {
	t, err := l.Host.OpenTree(root, o)
	return &lyingTree{t, l.list}, err
}

func (l *lyingTree) Sum(context.Context, string) (hosts.TreeSum, error) {
	return hosts.TreeSum{Digest: make([]byte, 32), Links: make([]byte, 32), Files: 100, Dirs: 100}, nil
}

func (l *lyingTree) List(_ context.Context, dir string) ([]hosts.TreeEntry, []hosts.TreeHole, error) {
	entries, holes := l.list(dir)
	for i := range entries {
		if e := &entries[i]; dir == "." {
			e.Path = filepath.Base(e.Path)
		}
	}
	return entries, holes, nil
}

// lie makes the source one that says what list does.
func (s *sides) lie(list func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole)) {
	s.m.o.Source = func(ctx context.Context) (*agent.Client, error) {
		l, err := local.New(local.Options{Root: s.src.Root, Patterns: rules.Matcher})
		if err != nil {
			return nil, err
		}
		s.t.Cleanup(func() { _ = l.Close() })
		return agent.Local(ctx, agent.Server{
			Host: &liar{l, list}, Applier: &execute.Executor{Host: s.src}, Build: "v1", Spool: filepath.Join(s.t.TempDir(), "spool"),
		}, agent.Options{Build: "v1"})
	}
}

func aDir(path, xattr string) hosts.TreeEntry {
	e := hosts.TreeEntry{Path: path, Node: hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}}
	if xattr != "" {
		e.Xattrs = map[string]string{"user.x": xattr}
	}
	return e
}

// A source may say that it has anything: what is kept of it is bounded, and nothing
// is taken for gone that was not told of.
func TestSourceThatLies(t *testing.T) {
	endless := func(xattr string) func(string) ([]hosts.TreeEntry, []hosts.TreeHole) {
		return func(dir string) (all []hosts.TreeEntry, _ []hosts.TreeHole) {
			for i := range 40 {
				all = append(all, aDir(filepath.Join(dir, fmt.Sprintf("%02d", i)), xattr))
			}
			return all, nil
		}
	}
	for name, c := range map[string]struct {
		list  func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole)
		says  string
		diffs int
	}{
		"directories without end": {list: endless(""), diffs: 500},
		"large attributes":        {list: endless(strings.Repeat("x", 60_000)), diffs: 3000},
		"what cannot be read": {list: func(dir string) (_ []hosts.TreeEntry, holes []hosts.TreeHole) {
			for i := range maxBlind + 1 {
				holes = append(holes, hosts.TreeHole{Path: fmt.Sprint(i), Err: "no"})
			}
			return nil, holes
		}, says: "too much of /srv/data cannot be read", diffs: maxDiffs},
		"out of order": {list: func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole) {
			return []hosts.TreeEntry{aDir("b", ""), aDir("a", "")}, nil
		}, says: `"a" comes after "b"`, diffs: maxDiffs},
		"one name twice": {list: func(dir string) ([]hosts.TreeEntry, []hosts.TreeHole) {
			return []hosts.TreeEntry{aDir("a", ""), aDir("a", "")}, nil
		}, says: `"a" comes after "a"`, diffs: maxDiffs},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSides(t, nil)
			s.sh("echo one >one; mkdir 00")
			s.ok()
			s.lie(c.list)
			s.m.diffs = c.diffs
			p, err := s.m.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			got, _, _, _, err := p.whole(t.Context())
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 150<<20 {
				t.Errorf("it keeps %d MiB", grown>>20)
			}
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("it says %v", err)
				}
				return
			}
			if err != nil || !got.full || len(got.diffs) > c.diffs || len(got.diffs) < 500 {
				t.Errorf("%d differences, full: %v, %v", len(got.diffs), got.full, err)
			}
			runtime.KeepAlive(got)
		})
	}
}

// What is more than is brought at one time comes by and by.
func TestMoreThanAtOneTime(t *testing.T) {
	s := newSides(t, nil)
	s.m.diffs = 20
	s.sh("for d in a b c; do mkdir -p $d/e; for i in 1 2 3 4 5 6 7 8; do echo $i >$d/$i; echo $i >$d/e/$i; done; done")
	done := func() {
		t.Helper()
		for range 20 {
			if err := s.audit(); err != nil {
				t.Fatal(err)
			}
			if s.m.Status().InStep && describe(t, s.src.Path(root)) == describe(t, s.dst.Path(root)) {
				return
			}
		}
		s.equal()
	}
	done()
	s.sh("for d in a b c; do echo more >>$d/1; mv $d/e $d/f; done; rm -r b; mkdir x; touch x/y")
	done()
	s.sh("rm -r *")
	done()
}
