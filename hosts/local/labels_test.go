package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"hikae/hosts"
)

const contexts = `/.*	system_u:object_r:default_t:s0
/etc(/.*)?	system_u:object_r:etc_t:s0
/etc/secret	-d	system_u:object_r:secret_t:s0
/etc/secret/.*	--	system_u:object_r:inner_t:s0
/etc/free	<<none>>
`

func newSELinuxHost(t *testing.T) (*Host, string) {
	t.Helper()
	needRoot(t)
	h, root := newHost(t)
	write(t, root, "etc/selinux/config", "# comment\nSELINUX=permissive\nSELINUXTYPE = \"lab\"\n")
	write(t, root, "etc/selinux/lab/contexts/files/file_contexts", contexts)
	if err := unix.Lsetxattr(filepath.Join(root, "etc/passwd"), xattrLabel, []byte("u:object_r:etc_t:s0\x00"), 0); err != nil {
		t.Skipf("no labels here: %v", err)
	}
	return h, root
}

func TestLabels(t *testing.T) {
	h, root := newSELinuxHost(t)
	if got := h.Facts().Policy; got != "lab" {
		t.Errorf("policy %q", got)
	}
	const other = "system_u:object_r:other_t:s0"
	odd := fileNode("x")
	odd.Label = other
	dir := hosts.Node{Type: hosts.Dir, Mode: 0o755, Owner: "root", Group: "root"}
	link := hosts.Node{Type: hosts.Link, Owner: "root", Group: "root", Link: "x"}
	oddLink := link
	oddLink.Label = other
	bare := fileNode("x")
	bare.Label = hosts.Unlabeled
	for p, n := range map[string]hosts.Node{"/etc/plain": fileNode("x"), "/etc/odd": odd, "/etc/link": link, "/etc/oddlink": oddLink, "/etc/bare": bare, "/etc/dir": dir} {
		put(t, h, p, n, "x")
		if diff := cmp.Diff(n, full(t, h, p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
	}
	put(t, h, "/etc/odd", fileNode("x"), "x") // back to the policy's
	if got := full(t, h, "/etc/odd").Label; got != "" {
		t.Errorf("label %q", got)
	}
	got, err := h.Labels(context.Background(), []string{"/etc/passwd", "/etc/group", "/etc/oddlink", "/etc/gone", "/etc/bare", "/etc/dir"})
	want := map[string]string{"/etc/group": hosts.Unlabeled, "/etc/oddlink": other, "/etc/bare": hosts.Unlabeled}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// What the policy leaves alone keeps what it had.
	if err := os.WriteFile(filepath.Join(root, "etc/free"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Lsetxattr(filepath.Join(root, "etc/free"), xattrLabel, []byte(other), 0); err != nil {
		t.Fatal(err)
	}
	put(t, h, "/etc/free", fileNode("x"), "x")
	if b, err := lgetxattr(filepath.Join(root, "etc/free"), xattrLabel); err != nil || string(b) != other+"\x00" { // written as libselinux does
		t.Errorf("kept %q, %v", b, err)
	}
	bad := fileNode("x")
	bad.Label = "not a context"
	if err := h.Put(context.Background(), "/etc/plain", bad, strings.NewReader("x")); err == nil {
		t.Error("a bad label was taken")
	}
	noTemps(t, root)
}

func TestPolicyFollowsTheFiles(t *testing.T) {
	h, root := newSELinuxHost(t)
	ctx := context.Background()
	put(t, h, "/etc/x", fileNode("x"), "x")
	write(t, root, "etc/selinux/lab/contexts/files/file_contexts.local", "/etc/x\tsystem_u:object_r:local_t:s0\n")
	if got, err := h.Labels(ctx, []string{"/etc/x"}); err != nil || got["/etc/x"] != "system_u:object_r:etc_t:s0" {
		t.Errorf("after a rule of its own: %v, %v", got, err)
	}
	put(t, h, "/etc/x", fileNode("x"), "x")
	if got, err := h.Labels(ctx, []string{"/etc/x"}); err != nil || len(got) != 0 {
		t.Errorf("after it was set by that: %v, %v", got, err)
	}
	write(t, root, "etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=lab\n")
	if got, err := h.Labels(ctx, []string{"/etc/group"}); err != nil || len(got) != 0 {
		t.Errorf("disabled: %v, %v", got, err)
	}
	for _, text := range []string{"SELINUX=enforcing\n", "SELINUXTYPE=none\n", "SELINUXTYPE=../x\n"} {
		write(t, root, "etc/selinux/config", text)
		if got, err := h.Labels(ctx, []string{"/etc/group"}); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// TestStagedTreeIsLabelledByWhereItWillBe also shows that what is staged below
// a staged directory comes into view with it.
func TestStagedTreeIsLabelledByWhereItWillBe(t *testing.T) {
	h, root := newSELinuxHost(t)
	ctx := context.Background()
	dir, err := h.Stage(ctx, "/etc/secret", hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := h.Stage(ctx, dir.Path()+"/key", fileNode("k"), strings.NewReader("k"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Stat("/etc/secret"); err == nil {
		t.Error("in view before its time")
	}
	for _, s := range []hosts.Staged{file, dir} {
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Sync(ctx); err != nil {
		t.Error(err)
	}
	for p, want := range map[string]string{"etc/secret": "system_u:object_r:secret_t:s0", "etc/secret/key": "system_u:object_r:inner_t:s0"} {
		b, err := lgetxattr(filepath.Join(root, p), xattrLabel)
		if got := strings.TrimSuffix(string(b), "\x00"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", p, b, err, want)
		}
	}
	noTemps(t, root)
}
