package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hikae/hosts"
)

// newHost makes a host in a temporary directory that knows root, alice and bob.
func newHost(t *testing.T) (*Host, string) {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"etc", "run", "usr/bin", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\nroot2:x:0:0::/:/bin/sh\n")
	write(t, root, "etc/group", "root:x:0:\nalice:x:1000:\nweb:x:2000:alice,bob\n")
	h, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h, root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
	return string(out)
}

// fileNode is a file of root's with that text.
func fileNode(text string) hosts.Node {
	return hosts.Node{
		Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root",
		Content: hosts.Content{Size: int64(len(text)), ID: sha256.Sum256([]byte(text))},
	}
}

func put(t *testing.T, h *Host, p string, n hosts.Node, text string) {
	t.Helper()
	var r io.Reader
	if n.Type == hosts.File {
		r = strings.NewReader(text)
	}
	if err := h.Put(context.Background(), p, n, r); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, h *Host, p string) string {
	t.Helper()
	r, err := h.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// noTemps fails the test if anything temporary is left in the host.
func noTemps(t *testing.T, root string) {
	t.Helper()
	_ = filepath.WalkDir(root, func(p string, _ fs.DirEntry, _ error) error {
		if hosts.IsTemp(p) {
			t.Errorf("left behind: %s", p)
		}
		return nil
	})
}

// full reads a node with its content, as a file module would.
func full(t *testing.T, h *Host, p string) hosts.Node {
	t.Helper()
	n, err := h.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	if n.Type == hosts.File {
		if n.Content, err = h.Digest(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	labels, err := h.Labels(context.Background(), []string{p})
	if err != nil {
		t.Fatal(err)
	}
	n.Label = labels[p]
	return n
}

func TestPutThenStat(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	rich := fileNode("#!/bin/sh\n")
	rich.Mode, rich.Owner, rich.Group = 0o2755, "alice", "web"
	rich.ACL = "u::rwx,u:4711:---,u:bob:r-x,g::r-x,g:web:r--,m::r-x,o::r-x"
	rich.Xattrs = map[string]string{"user.one": "a\x00b\xff", "user.two": ""}
	rich.Caps = "cap_net_bind_service,cap_net_raw=ep"
	dir := hosts.Node{Type: hosts.Dir, Mode: 0o1770, Owner: "bob", Group: "web", DefaultACL: "u::rwx,u:alice:rwx,g::r-x,m::rwx,o::---", Xattrs: map[string]string{"user.x": "y"}}
	odd := fileNode("odd")
	odd.Owner, odd.Group, odd.Mode = "4711", "4712", 0o4711
	for _, tt := range []struct {
		path, text string
		node       hosts.Node
	}{
		{"/etc/d", "", dir},
		{"/etc/d/plain", "in a directory with a default list", fileNode("in a directory with a default list")},
		{"/etc/rich", "#!/bin/sh\n", rich},
		{"/etc/odd \n\xff", "odd", odd},
		{"/etc/" + strings.Repeat("n", 255), "", fileNode("")},
		{"/etc/link", "", hosts.Node{Type: hosts.Link, Owner: "alice", Group: "web", Link: "../nowhere/\xfe"}},
	} {
		for _, again := range []string{"new", "replaced"} {
			put(t, h, tt.path, tt.node, tt.text)
			if diff := cmp.Diff(tt.node, full(t, h, tt.path)); diff != "" {
				t.Errorf("%q %s (-want +got):\n%s", tt.path, again, diff)
			}
		}
	}
	// What is set the second time is all that is there.
	plain := hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}
	put(t, h, "/etc/d", plain, "")
	put(t, h, "/etc/rich", fileNode("x"), "x")
	if diff := cmp.Diff(plain, full(t, h, "/etc/d")); diff != "" {
		t.Errorf("directory stripped (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fileNode("x"), full(t, h, "/etc/rich")); diff != "" {
		t.Errorf("file stripped (-want +got):\n%s", diff)
	}
	noTemps(t, root)
}

func TestStatAgainstTools(t *testing.T) {
	needRoot(t, "setfacl", "setcap", "setfattr")
	h, root := newHost(t)
	write(t, root, "etc/f", "x")
	p := filepath.Join(root, "etc/f")
	run(t, "chown", "1000:2000", p)
	run(t, "chmod", "640", p)
	run(t, "setfacl", "-m", "u:1001:rw,g:5555:r", p)
	run(t, "setcap", "cap_kill=ep", p)
	run(t, "setfattr", "-n", "user.note", "-v", "hello", p)
	run(t, "setfacl", "-d", "-m", "u:1001:rwx", filepath.Join(root, "usr"))
	want := hosts.Node{
		Type: hosts.File, Mode: 0o660, Owner: "alice", Group: "web",
		ACL:  "u::rw-,u:bob:rw-,g::r--,g:5555:r--,m::rw-,o::---",
		Caps: "cap_kill=ep", Xattrs: map[string]string{"user.note": "hello"}, Content: hosts.Content{Size: 1},
	}
	got, err := h.Stat("/etc/f")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = h.Stat("/usr")
	if want := "u::rwx,u:bob:rwx,g::r-x,m::rwx,o::r-x"; err != nil || got.DefaultACL != want {
		t.Errorf("default list %q, %v; want %q", got.DefaultACL, err, want)
	}
	if _, err := h.Stat("/etc/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := h.Stat("/etc/f/below"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a file: %v", err)
	}
}

func TestNamesFollowTheFiles(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	n := fileNode("x")
	n.Owner = "carol"
	err := h.Put(context.Background(), "/etc/x", n, strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), `no user "carol"`) {
		t.Fatalf("an unknown owner: %v", err)
	}
	write(t, root, "etc/passwd", "root:x:0:0::/root:/bin/sh\ncarol:x:1234:100::/:/bin/sh\n")
	put(t, h, "/etc/x", n, "x")
	if got := full(t, h, "/etc/x"); got.Owner != "carol" {
		t.Errorf("owner %q", got.Owner)
	}
}

func TestContentIsChecked(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	put(t, h, "/etc/x", fileNode("old"), "old")
	for name, r := range map[string]io.Reader{
		"short": strings.NewReader("ne"), "long": strings.NewReader("newer"), "other": strings.NewReader("neW"),
		"none": nil, "broken": io.MultiReader(strings.NewReader("ne"), &failing{}),
	} {
		if err := h.Put(context.Background(), "/etc/x", fileNode("new"), r); err == nil || !strings.Contains(err.Error(), "/etc/x") {
			t.Errorf("%s: %v", name, err)
		}
	}
	n := fileNode("new")
	n.Content.Sealed = true // its ID is keyed
	n.Content.ID = hosts.ID{1}
	put(t, h, "/etc/sealed", n, "new")
	if got := read(t, h, "/etc/x"); got != "old" {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Put(ctx, "/etc/x", fileNode("new"), strings.NewReader("new")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	noTemps(t, root)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("link cut") }

func TestBadNodes(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	for name, change := range map[string]func(*hosts.Node){
		"absent":         func(n *hosts.Node) { n.Type = hosts.Absent },
		"device":         func(n *hosts.Node) { n.Type = hosts.Other },
		"no owner":       func(n *hosts.Node) { n.Owner = "" },
		"uid -1":         func(n *hosts.Node) { n.Owner = "4294967295" },
		"mode":           func(n *hosts.Node) { n.Mode = 0o100644 },
		"default acl":    func(n *hosts.Node) { n.DefaultACL = "u::rwx,g::r-x,o::---" },
		"acl text":       func(n *hosts.Node) { n.ACL = "u::rwx" },
		"acl other mode": func(n *hosts.Node) { n.ACL = "u::rwx,u:bob:rwx,g::rwx,m::rwx,o::rwx" },
		"caps":           func(n *hosts.Node) { n.Caps = "cap_flight=ep" },
		"trusted xattr":  func(n *hosts.Node) { n.Xattrs = map[string]string{"security.evil": "x"} },
		"label":          func(n *hosts.Node) { n.Label = "system_u:object_r:etc_t:s0" },
		"link with mode": func(n *hosts.Node) { n.Type, n.Link = hosts.Link, "x" },
		"link to none":   func(n *hosts.Node) { n.Type, n.Mode = hosts.Link, 0 },
	} {
		n := fileNode("x")
		change(&n)
		if err := h.Put(context.Background(), "/etc/x", n, strings.NewReader("x")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := h.Stat("/etc/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	noTemps(t, root)
}

func TestKindsReplaceEachOther(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	ctx := context.Background()
	dir := hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
	link := hosts.Node{Type: hosts.Link, Owner: "root", Group: "root", Link: "f"}
	for _, n := range []hosts.Node{dir, fileNode("f"), link, dir, link, fileNode("f"), dir} {
		put(t, h, "/etc/x", n, "f")
		if diff := cmp.Diff(n, full(t, h, "/etc/x")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	put(t, h, "/etc/x/inside", fileNode(""), "")
	for _, n := range []hosts.Node{fileNode("f"), link} {
		if err := h.Put(ctx, "/etc/x", n, strings.NewReader("f")); !errors.Is(err, hosts.ErrNotEmpty) {
			t.Errorf("over a full directory: %v", err)
		}
	}
	if err := h.Remove(ctx, "/etc/x"); !errors.Is(err, hosts.ErrNotEmpty) {
		t.Errorf("removing a full directory: %v", err)
	}
	run(t, "mkfifo", filepath.Join(root, "etc/pipe"))
	if err := h.Put(ctx, "/etc/pipe", fileNode("f"), strings.NewReader("f")); err == nil {
		t.Error("a pipe was replaced")
	}
	for _, p := range []string{"/etc/x/inside", "/etc/x", "/etc/x", "/etc/none/none", "/etc/pipe"} {
		if err := h.Remove(ctx, p); err != nil {
			t.Error(err)
		}
	}
	if err := h.Remove(ctx, "/"); err == nil {
		t.Error("the root was removed")
	}
	noTemps(t, root)
}

func TestMissingParentIsAnError(t *testing.T) {
	h, _ := newHost(t)
	err := h.Put(context.Background(), "/etc/none/x", fileNode(""), bytes.NewReader(nil))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
