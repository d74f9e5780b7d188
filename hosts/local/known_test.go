package local

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// again is the host with the stamps of an earlier session, which have travelled.
func again(t *testing.T, h *Host, root string) *Host {
	t.Helper()
	b, err := h.SaveStamps()
	if err != nil {
		t.Fatal(err)
	}
	next, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Close() })
	if err := next.LoadStamps(b); err != nil {
		t.Fatal(err)
	}
	return next
}

// seen reads what a session of the file module does: the walk, the labels, and
// the digests that the walk does not know.
func seen(t *testing.T, h *Host, dir string) map[string]hosts.Node {
	t.Helper()
	ctx := context.Background()
	nodes := map[string]hosts.Node{}
	var paths []string
	err := h.Walk(ctx, dir, func(p string, n hosts.Node) error {
		if n.Type == hosts.File && n.Content.ID.IsZero() {
			var err error
			if n.Content, err = h.Digest(ctx, p); err != nil {
				return err
			}
		}
		nodes[p], paths = n, append(paths, p)
		return nil
	}, func(p string, err error) { t.Errorf("%s: %v", p, err) })
	if err != nil {
		t.Fatal(err)
	}
	labels, err := h.Labels(ctx, paths)
	if err != nil {
		t.Fatal(err)
	}
	for p, n := range nodes {
		n.Label = labels[p]
		nodes[p] = n
	}
	return nodes
}

// settle waits until all that the host has may be believed by its stamp.
func settle(t *testing.T, h *Host) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		young := false
		err := filepath.WalkDir(h.root, func(p string, _ os.DirEntry, err error) error {
			if err == nil {
				var s Stamp
				s, err = h.stamp("/" + strings.TrimPrefix(p[len(h.root):], "/"))
				young = young || !s.settled(time.Now())
			}
			return err
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case !young:
			return
		case time.Now().After(deadline):
			t.Fatal("the files never come of age")
		}
	}
}

// What changed since the stamps were made is seen, whatever changed.
func TestWhatIsKnownIsNotBelievedAfterAChange(t *testing.T) {
	h, root := newSELinuxHost(t)
	var fs unix.Statfs_t
	if err := unix.Statfs(root, &fs); err != nil || !ctimeTells(int64(fs.Type)) { //nolint:unconvert // int32 on some
		t.Skipf("stamps say nothing of attributes here: type %#x, %v", fs.Type, err)
	}
	acl := "u::rw-,u:bob:rw-,g::r--,m::rw-,o::r--"
	labelled := func(p string) {
		if err := unix.Lsetxattr(p, xattrLabel, []byte("u:object_r:etc_t:s0\x00"), 0); err != nil {
			t.Fatal(err)
		}
	}
	withACL := fileNode("text")
	withACL.ACL, withACL.Mode = acl, 0o664
	put(t, h, "/tmp/acl", withACL, "text")
	aclBytes, err := lgetxattr(filepath.Join(root, "tmp/acl"), xattrACL)
	if err != nil {
		t.Fatal(err)
	}
	set := func(attr string, value []byte) func(string) error {
		return func(p string) error { return unix.Lsetxattr(p, attr, value, 0) }
	}
	caps := make([]byte, 20)
	copy(caps, []byte{1, 0, 0, 2, 0, 4}) // vfs_cap_data: revision 2, effective, cap_net_bind_service
	is := fileNode("text")
	changes := map[string]struct {
		change func(string) error
		want   func(*hosts.Node)
	}{
		"mode":    {func(p string) error { return os.Chmod(p, 0o600) }, func(n *hosts.Node) { n.Mode = 0o600 }},
		"acl":     {set(xattrACL, aclBytes), func(n *hosts.Node) { n.ACL, n.Mode = acl, 0o664 }},
		"xattr":   {set("user.x", []byte("y")), func(n *hosts.Node) { n.Xattrs = map[string]string{"user.x": "y"} }},
		"caps":    {set(xattrCaps, caps), func(n *hosts.Node) { n.Caps = "cap_net_bind_service=ep" }},
		"label":   {set(xattrLabel, []byte("u:object_r:evil_t:s0\x00")), func(n *hosts.Node) { n.Label = "u:object_r:evil_t:s0" }},
		"nolabel": {func(p string) error { return unix.Lremovexattr(p, xattrLabel) }, func(n *hosts.Node) { n.Label = hosts.Unlabeled }},
		"bytes": {func(p string) error { return os.WriteFile(p, []byte("TEXT"), 0o600) }, func(n *hosts.Node) {
			n.Content = fileNode("TEXT").Content
		}},
		"replaced": {func(p string) error { // another file of the same size and mtime
			st, err := os.Stat(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p+".new", []byte("TEXT"), 0o644); err != nil {
				return err
			}
			labelled(p + ".new")
			if err := unix.Lsetxattr(p+".new", "user.x", []byte("y"), 0); err != nil {
				return err
			}
			if err := os.Chtimes(p+".new", st.ModTime(), st.ModTime()); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}, func(n *hosts.Node) {
			n.Content, n.Xattrs = fileNode("TEXT").Content, map[string]string{"user.x": "y"}
		}},
		"still": {func(string) error { return nil }, func(*hosts.Node) {}},
	}
	for name := range changes {
		write(t, root, "etc/k/"+name, "text")
		labelled(filepath.Join(root, "etc/k", name))
	}
	labelled(filepath.Join(root, "etc/k"))
	settle(t, h)
	for p, n := range seen(t, h, "/etc/k") {
		if n.Type == hosts.File && !n.Equal(&is) {
			t.Fatalf("%s before: %s", p, cmp.Diff(is, n))
		}
	}
	lied(t, h, root)
	for name, c := range changes {
		if err := c.change(filepath.Join(root, "etc/k", name)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	// Both at once, and when the changes have come of age.
	for range 2 {
		for p, n := range seen(t, again(t, h, root), "/etc/k") {
			if n.Type != hosts.File {
				continue
			}
			want := is
			changes[filepath.Base(p)].want(&want)
			if diff := cmp.Diff(want, n); diff != "" {
				t.Errorf("%s (-want +got):\n%s", p, diff)
			}
		}
		settle(t, h)
	}
	// Another policy asks for the labels anew.
	write(t, root, "etc/selinux/lab/contexts/files/file_contexts.local", "/etc/k/.*\tsystem_u:object_r:local_t:s0\n")
	for range 2 {
		if n := seen(t, again(t, h, root), "/etc/k")["/etc/k/still"]; n.Label != "u:object_r:etc_t:s0" {
			t.Errorf("by another policy the label is %q", n.Label)
		}
		settle(t, h)
	}
}

// lied shows that what the stamps say is not read: it has them lie.
func lied(t *testing.T, h *Host, root string) {
	t.Helper()
	known := h.Stamps()
	st, err := h.stamp("/etc/k/still")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(known, func(d Digested) bool { return d.Stamp == st })
	if at < 0 || !known[at].Plain || known[at].Fits == (fits{}) || known[at].ID.IsZero() {
		t.Fatalf("not all is remembered: %v", known)
	}
	lie := known[at]
	lie.ID = hosts.ID{1}
	liar, err := New(Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer liar.Close()
	liar.UseStamps([]Digested{lie})
	if got := seen(t, liar, "/etc/k")["/etc/k/still"]; got.Content.ID != lie.ID {
		t.Errorf("the stamp is not believed: %v", got)
	}
}

func TestAttributesOfOddFilesAreReadAgain(t *testing.T) {
	h, root := newSELinuxHost(t)
	n := fileNode("x")
	n.Xattrs = map[string]string{"user.x": "y"}
	n.Label = "u:object_r:odd_t:s0"
	put(t, h, "/etc/odd", n, "x")
	settle(t, h)
	for range 2 {
		if diff := cmp.Diff(n, seen(t, h, "/etc")["/etc/odd"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		h = again(t, h, root)
	}
}

func TestKernelSince(t *testing.T) {
	if !kernelSince(2, 6) || !kernelSince(3, 99) || kernelSince(1000, 0) {
		t.Error("wrong")
	}
}

// What a session finds as the last one left it is nothing new: the stamps that it
// gives are those that it was given, and nobody has to carry them.
func TestASessionThatLearnsNothingGivesTheSameStamps(t *testing.T) {
	h, root := newSELinuxHost(t)
	for name, label := range map[string]string{"plain": "u:object_r:etc_t:s0\x00", "odd": "u:object_r:odd_t:s0\x00", "one": "u:object_r:etc_t:s0\x00"} {
		write(t, root, "etc/k/"+name, "text")
		if err := unix.Lsetxattr(filepath.Join(root, "etc/k", name), xattrLabel, []byte(label), 0); err != nil {
			t.Fatal(err)
		}
	}
	// A file of two names has a label by each, and each may be a secret.
	if err := os.Link(filepath.Join(root, "etc/k/one"), filepath.Join(root, "etc/k/other")); err != nil {
		t.Fatal(err)
	}
	settle(t, h)
	var asked int
	session := func(h *Host) []byte {
		asked = 0
		if _, err := h.Stat("/etc/k/plain"); err != nil {
			t.Fatal(err)
		}
		seen(t, h, "/etc/k")
		for _, name := range []string{"one", "other"} {
			if _, err := h.Judge("/etc/k/"+name, "is it?", func(io.Reader) (bool, error) { asked++; return false, nil }); err != nil {
				t.Fatal(err)
			}
		}
		b, err := h.SaveStamps()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := session(h)
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	for range 2 {
		next, err := New(Options{Root: root})
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		if _, err := next.Stat("/etc/k/plain"); err != nil { // before the stamps come
			t.Fatal(err)
		}
		if err := next.LoadStamps(first); err != nil {
			t.Fatal(err)
		}
		if got := session(next); !bytes.Equal(got, first) || asked != 0 {
			t.Errorf("%d bytes became %d; asked %d times", len(first), len(got), asked)
		}
		if err := next.LoadStamps(first); err != nil {
			t.Fatal(err)
		}
		if got := session(next); !bytes.Equal(got, first) {
			t.Errorf("loaded once more: %d bytes became %d", len(first), len(got))
		}
	}
}

// What was learnt before the stamps came is not lost by them.
func TestStampsThatComeLate(t *testing.T) {
	var h Host
	s := Stamp{Dev: 1, Ino: 2, CTime: 3}
	other := Stamp{Dev: 1, Ino: 4, CTime: 3}
	h.stamps.note(s, func(k *Digested) { k.Plain = true })
	h.UseStamps([]Digested{{Stamp: s, ID: hosts.ID{7}, Idle: 5}, {Stamp: other, ID: hosts.ID{8}}})
	if k, ok := h.stamps.get(s, time.Now()); !ok || !k.Plain || k.ID != (hosts.ID{7}) {
		t.Errorf("%+v", k)
	}
	if k, ok := h.stamps.get(other, time.Now()); !ok || k.Plain {
		t.Errorf("%+v", k)
	}
	newer := Stamp{Dev: 1, Ino: 4, CTime: 9}
	h.stamps.note(newer, func(k *Digested) { k.ID = hosts.ID{9} })
	h.UseStamps([]Digested{{Stamp: other, ID: hosts.ID{8}}})
	if k, ok := h.stamps.get(newer, time.Now()); !ok || k.ID != (hosts.ID{9}) {
		t.Errorf("what is older took the place of what is newer: %+v", k)
	}
}
