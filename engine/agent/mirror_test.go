package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// treePrey is a host whose tree /home/alice is a mirror's.
type treePrey struct {
	*prey
	tree *Tree
}

func newTreePrey(t *testing.T) *treePrey {
	p := &treePrey{prey: newPrey(t)}
	var err error
	if p.tree, err = p.c.OpenTree(t.Context(), TreeRequest{Root: "/home/alice", Write: true, Versions: 60}); err != nil {
		t.Fatal(err)
	}
	return p
}

func evilFile(path string) hosts.TreeOp {
	return hosts.TreeOp{Verb: hosts.TreeMake, Path: path, Entry: hosts.TreeEntry{
		Path: path, Node: hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: 4}},
	}}
}

func evil(data func([]byte) error, _ func(int64) error) error { return data([]byte("evil")) }

// do makes one change. It returns why it was not made.
func (p *treePrey) do(op hosts.TreeOp) error {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	out, err := p.tree.Change(ctx, func(w *Changes) error { return w.Do(op, evil) })
	if ctx.Err() != nil {
		p.t.Fatalf("%q: it hangs", op.Path)
	}
	for _, f := range out.Failed {
		err = errors.Join(err, f.Err)
	}
	return err
}

// No link, mount or odd file that somebody laid in a tree leads out of it.
func TestAttackTreeTraps(t *testing.T) {
	for name, a := range map[string]struct {
		lay    func(p *treePrey) error
		op     hosts.TreeOp
		refuse bool
	}{
		"a link above":        {func(p *treePrey) error { return os.Symlink("/etc", p.Path("/home/alice/l")) }, evilFile("l/passwd"), true},
		"a relative one":      {func(p *treePrey) error { return os.Symlink("../../etc", p.Path("/home/alice/l")) }, evilFile("l/shadow"), true},
		"a link in its place": {func(p *treePrey) error { return os.Symlink("/etc/shadow", p.Path("/home/alice/f")) }, evilFile("f"), false},
		"a hard link":         {func(p *treePrey) error { return os.Link(p.Path("/etc/shadow"), p.Path("/home/alice/f")) }, evilFile("f"), false},
		"metadata of a hard link": {
			func(p *treePrey) error { return os.Link(p.Path("/etc/shadow"), p.Path("/home/alice/f")) },
			func() hosts.TreeOp {
				op := metaOf("f", hosts.File)
				op.Entry.Content.Size = int64(len("root:secret\n"))
				return op
			}(), true,
		},
		"metadata of a link":   {func(p *treePrey) error { return os.Symlink("/etc/shadow", p.Path("/home/alice/f")) }, metaOf("f", hosts.File), true},
		"metadata of its copy": {func(p *treePrey) error { return os.Symlink("/etc", p.Path("/home/alice/f")) }, metaOf("f", hosts.Dir), true},
		"copy over a link": {
			func(p *treePrey) error { return os.Symlink("/etc/shadow", p.Path("/home/alice/l")) },
			hosts.TreeOp{Verb: hosts.TreeCopy, Path: "f", From: "l", Entry: hosts.TreeEntry{Path: "f", Node: hosts.Node{Type: hosts.File, Owner: "root", Group: "root", Content: contentOf([]byte("root:secret\n"))}}}, true,
		},
		"move from a link": {
			func(p *treePrey) error { return os.Symlink("/etc", p.Path("/home/alice/l")) },
			hosts.TreeOp{Verb: hosts.TreeMove, Path: "f", From: "l/shadow", Entry: evilFile("f").Entry}, true,
		},
		"remove below a link": {
			func(p *treePrey) error { return os.Symlink("/etc", p.Path("/home/alice/l")) }, hosts.TreeOp{Verb: hosts.TreeRemove, Path: "l/shadow"}, true,
		},
		"remove what it did not bring": {func(p *treePrey) error { p.Write("/home/alice/own", "x"); return nil }, hosts.TreeOp{Verb: hosts.TreeRemove, Path: "own"}, true},
		"the kept versions":            {func(p *treePrey) error { p.Mkdir("/home/alice/.ssh"); return nil }, evilFile(".hikae-versions/x"), true},
		"a fifo":                       {func(p *treePrey) error { return unix.Mkfifo(p.Path("/home/alice/f"), 0o666) }, metaOf("f", hosts.File), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTreePrey(t)
			if err := a.lay(p); err != nil {
				t.Fatal(err)
			}
			etc := p.etc()
			if err := p.do(a.op); (err != nil) != a.refuse {
				t.Errorf("it is %v", err)
			}
			if now := p.etc(); now != etc {
				t.Errorf("/etc was\n%s\nand is\n%s", etc, now)
			}
		})
	}
}

// What came to a tree after it was compared is not noted as a mirror's own.
func TestNoteOfWhatCameSince(t *testing.T) {
	for _, but := range [][]string{nil, {"differs"}} {
		p := newTreePrey(t)
		p.Write("/home/alice/equal", "x")
		p.Write("/home/alice/differs", "x")
		if _, err := p.tree.Sum(t.Context(), "."); err != nil {
			t.Fatal(err)
		}
		if err := p.do(evilFile("brought")); err != nil {
			t.Fatal(err)
		}
		p.Write("/home/alice/own", "x")
		if err := p.tree.Note(t.Context(), but); err != nil {
			t.Fatal(err)
		}
		for name, foreign := range map[string]bool{"equal": false, "brought": false, "own": true, "differs": but != nil} {
			err := p.do(hosts.TreeOp{Verb: hosts.TreeRemove, Path: name})
			if errors.Is(err, hosts.ErrForeign) != foreign || err != nil && !foreign {
				t.Errorf("but %q: %s: %v", but, name, err)
			}
		}
	}
}

func metaOf(path string, typ hosts.NodeType) hosts.TreeOp {
	op := evilFile(path)
	op.Verb, op.Entry.Type, op.Entry.Mode, op.Entry.Owner = hosts.TreeMeta, typ, 0o777, "alice"
	return op
}

// Somebody swaps a directory for a link to /etc while a mirror writes in it and
// reads from it.
func TestAttackTreeSwapped(t *testing.T) {
	p := newTreePrey(t)
	if err := os.Symlink("/etc", p.Path("/home/alice/l")); err != nil {
		t.Fatal(err)
	}
	etc, swapped := p.etc(), 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, p.Path("/home/alice/d"), unix.AT_FDCWD, p.Path("/home/alice/l"), unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
			swapped++
		}
	}()
	halt := sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(halt)
	made, refused := 0, 0
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		for _, name := range []string{"passwd", "shadow", fmt.Sprint("new", made+refused)} {
			if p.do(evilFile("d/"+name)) == nil {
				made++
			} else {
				refused++
			}
		}
		err := p.tree.Fetch(t.Context(), []string{"d/shadow", "d/machine-id"}, true, func(_ int, _, _ int64, content hosts.TreeContent) error {
			_ = content(func(b []byte) error {
				if string(b) != "evil" {
					t.Errorf("it gave %q", b)
				}
				return nil
			}, func(int64) error { return nil })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	halt()
	t.Logf("%d swaps, %d written, %d refused", swapped, made, refused)
	if swapped < 100 || made+refused < 10 {
		t.Errorf("%d swaps and %d writes are no race", swapped, made+refused)
	}
	if now := p.etc(); now != etc {
		t.Errorf("/etc was\n%s\nand is\n%s", etc, now)
	}
}

// A tree's client that does not keep to the protocol gets nothing, and the
// session ends.
func TestHostileTreeClient(t *testing.T) {
	file := evilFile("f")
	op := func(edit func(*hosts.TreeOp)) (kind, any) {
		o := file
		edit(&o)
		return kindTreeOp, o
	}
	path := func(s string) (kind, any) { return op(func(o *hosts.TreeOp) { o.Path, o.Entry.Path = s, s }) }
	ask := func(paths ...string) (kind, any) { return kindTreeAsk, treeAsk{Ask: askStat, Paths: paths} }
	type message func() (kind, any)
	for name, m := range map[string]message{
		"absolute":            func() (kind, any) { return path("/etc/passwd") },
		"dot dot":             func() (kind, any) { return path("../x") },
		"dot dot within":      func() (kind, any) { return path("a/../../x") },
		"two dots":            func() (kind, any) { return path("..") },
		"empty":               func() (kind, any) { return path("") },
		"NUL":                 func() (kind, any) { return path("a\x00b") },
		"a long name":         func() (kind, any) { return path(strings.Repeat("n", 256)) },
		"another path":        func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Entry.Path = "g" }) },
		"a move from above":   func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Verb, o.From = hosts.TreeMove, "../x" }) },
		"a link from nowhere": func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Verb = hosts.TreeLink }) },
		"no verb":             func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Verb = 99 }) },
		"a mode":              func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Entry.Mode = 0o100644 }) },
		"a socket": func() (kind, any) {
			return op(func(o *hosts.TreeOp) { o.Entry.Type, o.Entry.Special = hosts.Other, unix.S_IFSOCK })
		},
		"an xattr": func() (kind, any) {
			return op(func(o *hosts.TreeOp) { o.Entry.Xattrs = map[string]string{"security.ima": "x"} })
		},
		"a root that is none": func() (kind, any) { return op(func(o *hosts.TreeOp) { o.Path, o.Entry.Path = ".", "." }) },
		"a status above":      func() (kind, any) { return ask("../etc/shadow") },
		"an absolute status":  func() (kind, any) { return ask("/etc/shadow") },
		"too many":            func() (kind, any) { return ask(make([]string, maxTreePaths+1)...) },
		"a fetch from above":  func() (kind, any) { return kindTreeFetch, treeFetch{Paths: []string{"../../etc/shadow"}} },
		"a relative root":     func() (kind, any) { return kindTree, TreeRequest{Root: "home"} },
		"a root with dots":    func() (kind, any) { return kindTree, TreeRequest{Root: "/home/../etc"} },
		"a flag as a unit":    func() (kind, any) { return kindTreeRun, treeRun{Reload: []string{"--root=/x"}} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrey(t)
			ours, theirs := net.Pipe()
			served := make(chan error, 1)
			go func() {
				served <- Serve(context.Background(), theirs, Server{Host: p.Host, Applier: &execute.Executor{Host: p.Host}, Build: "v1", Spool: t.TempDir()})
			}()
			l, err := newLink(ours)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.close(io.EOF) })
			etc := p.etc()
			go func() {
				_ = l.sendValue(kindHello, hello{Protocol: Protocol})
				_ = l.sendValue(kindTree, TreeRequest{Root: "/home/alice", Write: true})
				k, v := m()
				_ = l.sendValue(k, v)
			}()
			go func() {
				for {
					if _, err := l.recv(t.Context()); err != nil {
						return
					}
				}
			}()
			select {
			case err := <-served:
				if !errors.Is(err, ErrProtocol) {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it is served")
			}
			if p.etc() != etc {
				t.Error("/etc was changed")
			}
		})
	}
}

// A read-only session sees the trees that the host gives, and writes none.
func TestReadOnlyTree(t *testing.T) {
	h := hosttest.New(t)
	h.Write("/srv/given/f", "x")
	h.Write("/srv/other/f", "x")
	open := func(req TreeRequest) error {
		c, err := Local(t.Context(), Server{
			Host: h, Build: "v1", ReadOnly: true, Trust: Trust{Paths: []string{"/srv/given"}}, Spool: filepath.Join(t.TempDir(), "spool"),
		}, Options{Build: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		tree, err := c.OpenTree(t.Context(), req)
		if err == nil {
			_, err = tree.Sum(t.Context(), ".")
		}
		return err
	}
	for _, c := range []struct {
		req TreeRequest
		ok  bool
	}{
		{TreeRequest{Root: "/srv/given"}, true},
		{TreeRequest{Root: "/srv/other"}, false},
		{TreeRequest{Root: "/srv"}, false},
		{TreeRequest{Root: "/srv/given", Write: true}, false},
		{TreeRequest{Root: "/etc"}, false},
	} {
		if err := open(c.req); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.req, err)
		}
	}
}

// The system's own trees are no mirror's.
func TestTreeOfTheSystem(t *testing.T) {
	p := newPrey(t)
	for _, root := range []string{"/", "/etc", "/etc/named", "/usr/share", "/var", "/var/lib", "/var/lib/hikae", "/proc"} {
		if _, err := p.c.OpenTree(t.Context(), TreeRequest{Root: root, Write: true}); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("%s: %v", root, err)
		}
	}
}

// What the agent lists is checked before anybody goes by it.
func TestHostileTreeAgent(t *testing.T) {
	for name, e := range map[string]hosts.TreeEntry{
		"above":            {Path: "../x", Node: hosts.Node{Type: hosts.Dir}},
		"elsewhere":        {Path: "a/b/c", Node: hosts.Node{Type: hosts.Dir}},
		"absolute":         {Path: "/etc", Node: hosts.Node{Type: hosts.Dir}},
		"the root":         {Path: ".", Node: hosts.Node{Type: hosts.Dir}},
		"nothing":          {Path: "a/x"},
		"a digest of none": {Path: "a/x", Node: hosts.Node{Type: hosts.File}, Digest: make([]byte, 32)},
		"sealed":           {Path: "a/x", Node: hosts.Node{Type: hosts.File, Content: hosts.Content{Sealed: true}}},
		"two types":        {Path: "a/x", Node: hosts.Node{Type: hosts.File}, Special: unix.S_IFIFO},
	} {
		if err := checkListed(&treeListed{Dir: "a", Entries: []hosts.TreeEntry{e}}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an agent says without end is refused once it is more than was asked for.
func TestEndlessTreeAgent(t *testing.T) {
	names := make([]string, 0, 1000)
	for i := range cap(names) {
		names = append(names, fmt.Sprintf("%s%d", strings.Repeat("n", 200), i))
	}
	list := func(l *link) error {
		e := treeListed{Dir: "."}
		for i := range 500 {
			e.Entries = append(e.Entries, hosts.TreeEntry{Path: names[i], Node: hosts.Node{Type: hosts.Dir}})
		}
		return l.sendValue(kindTreeList, e)
	}
	links := func(l *link) error {
		b, err := l.marshal(names)
		if err != nil {
			return err
		}
		return l.send(kindTreeLinks, b)
	}
	status := func(l *link) error {
		b, err := l.marshal(treeStatus{Entry: &hosts.TreeEntry{Path: "a", Node: hosts.Node{Type: hosts.Dir, Xattrs: map[string]string{"user.x": strings.Repeat("x", 60_000)}}}})
		if err != nil {
			return err
		}
		return l.send(kindTreeStat, b)
	}
	for name, c := range map[string]struct {
		say func(*link) error
		ask func(*Tree) error
	}{
		"a list": {list, func(tree *Tree) error {
			_, err := tree.Walk(t.Context(), []string{"."}, 2000, func(Listed) error { return nil })
			return err
		}},
		"links": {links, func(tree *Tree) error {
			_, err := tree.Links(t.Context())
			return err
		}},
		"attributes": {status, func(tree *Tree) error {
			paths := make([]string, 10_000)
			for i := range paths {
				paths[i] = "a"
			}
			_, err := tree.Stat(t.Context(), paths, false)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := hostileServer(t, func(l *link) {
				_, err := l.recv(t.Context())
				if err == nil {
					err = l.sendValue(kindTreeOpen, treeAnswer{Info: &hosts.TreeInfo{}})
				}
				if err == nil {
					_, err = l.recv(t.Context())
				}
				for err == nil {
					err = c.say(l)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			tree, err := client.OpenTree(t.Context(), TreeRequest{Root: "/srv"})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.ask(tree); !errors.Is(err, ErrProtocol) {
				t.Errorf("it says %v", err)
			}
		})
	}
}
