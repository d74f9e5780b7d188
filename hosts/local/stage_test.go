package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

func TestStageCommitDiscard(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	ctx := context.Background()
	put(t, h, "/etc/one", fileNode("old"), "old")
	stage := func(p string) hosts.Staged {
		t.Helper()
		s, err := h.Stage(ctx, p, fileNode("new"), strings.NewReader("new"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, two, three := stage("/etc/one"), stage("/etc/two"), stage("/etc/three")
	if got := read(t, h, "/etc/one"); got != "old" {
		t.Errorf("before commit: %q", got)
	}
	if got := read(t, h, one.Path()); got != "new" || !hosts.IsTemp(one.Path()) {
		t.Errorf("%s: %q", one.Path(), got)
	}
	for _, err := range []error{one.Commit(), two.Discard(), two.Discard(), three.Commit(), three.Discard(), h.Sync(ctx), h.Sync(ctx)} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := one.Commit(); err == nil {
		t.Error("committed twice")
	}
	if err := two.Commit(); err == nil {
		t.Error("committed after it was discarded")
	}
	if got := read(t, h, "/etc/one") + read(t, h, "/etc/three"); got != "newnew" {
		t.Errorf("after commit: %q", got)
	}
	if _, err := h.Stat("/etc/two"); err == nil {
		t.Error("what was discarded is there")
	}
	if len(h.staging.unsynced)+len(h.staging.dirs)+len(h.staging.temps) != 0 {
		t.Errorf("still kept: %v, %v, %v", h.staging.unsynced, h.staging.dirs, h.staging.temps)
	}
	noTemps(t, root)
}

func TestCommitSeesWhatCameBetween(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	ctx := context.Background()
	s, err := h.Stage(ctx, "/etc/x", fileNode("new"), strings.NewReader("new"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, "etc/x/inside", "")
	if err := s.Commit(); !errors.Is(err, hosts.ErrNotEmpty) {
		t.Errorf("over a directory that came meanwhile: %v", err)
	}
	if err := s.Discard(); err != nil {
		t.Error(err)
	}
	// Somebody who can write there puts his own file in the place of ours.
	write(t, root, "tmp/his", "his")
	s, err = h.Stage(ctx, "/etc/y", fileNode("new"), strings.NewReader("new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "tmp/his"), filepath.Join(root, s.Path())); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err == nil {
		t.Error("a file that was put in place of the staged one was taken")
	}
	if err := s.Discard(); err != nil {
		t.Error(err)
	}
	dir, err := h.Stage(ctx, "/run", hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
	if err != nil || dir.Path() != "/run" {
		t.Fatalf("%v, %v", dir, err)
	}
	if n, err := h.Stat("/run"); err != nil || n.Mode != 0o755 {
		t.Errorf("changed before commit: %+v, %v", n, err)
	}
	if err := dir.Commit(); err != nil {
		t.Error(err)
	}
	if n, err := h.Stat("/run"); err != nil || n.Mode != 0o700 {
		t.Errorf("after commit: %+v, %v", n, err)
	}
	noTemps(t, root)
}

func TestCleanTemps(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	ctx := context.Background()
	if _, err := h.Stage(ctx, "/etc/x", fileNode("x"), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	dir, err := h.Stage(ctx, "/etc/d", hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Stage(ctx, dir.Path()+"/below", fileNode("x"), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".hikae.short", ".hikae.0123456789ABCDEF", "hikae.0123456789abcdef"} {
		write(t, root, "etc/"+name, "somebody's")
	}
	removed, err := h.CleanTemps(ctx, []string{"/etc", "/none", "/run"})
	if err != nil || len(removed) != 2 {
		t.Errorf("removed %v, %v", removed, err)
	}
	noTemps(t, root)
	if left, err := h.ReadDir("/etc"); err != nil || len(left) != 5 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestUnwritable tries what a file system can do to a writer.
func TestUnwritable(t *testing.T) {
	needRoot(t, "chattr")
	ctx := context.Background()
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    error
		remedy  string
	}{
		{"read-only", func(t *testing.T, dir string) {
			mount(t, "tmpfs", dir, "tmpfs", 0, "")
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Skip(err)
			}
		}, unix.EROFS, "remount"},
		{"full", func(t *testing.T, dir string) { mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k") }, unix.ENOSPC, "free"},
		{"no inodes", func(t *testing.T, dir string) { mount(t, "tmpfs", dir, "tmpfs", 0, "nr_inodes=1") }, unix.ENOSPC, "inodes"},
		{"immutable directory", func(t *testing.T, dir string) { chattr(t, dir) }, unix.EPERM, "its directory is immutable (chattr -i"},
		{"immutable file", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "x"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			chattr(t, filepath.Join(dir, "x"))
		}, unix.EPERM, "it is immutable (chattr -i"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, root := newHost(t)
			dir := filepath.Join(root, "srv")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			tt.prepare(t, dir)
			for _, size := range []int{1 << 17, 1 << 21} { // with and without room asked for first
				text := strings.Repeat("x", size)
				err := h.Put(ctx, "/srv/x", fileNode(text), strings.NewReader(text))
				if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.remedy) || !strings.Contains(fmt.Sprint(err), "/srv/x") {
					t.Errorf("got %v; want %v and %q", err, tt.want, tt.remedy)
				}
			}
			if tt.name == "immutable file" {
				if err := h.Remove(ctx, "/srv/x"); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), tt.remedy) {
					t.Errorf("remove: %v", err)
				}
				if got := read(t, h, "/srv/x"); got != "old" {
					t.Errorf("is %q", got)
				}
			}
			noTemps(t, root)
		})
	}
}

func chattr(t *testing.T, p string) {
	t.Helper()
	run(t, "chattr", "+i", p)
	t.Cleanup(func() { run(t, "chattr", "-i", p) })
}

// BenchmarkGroup is 100 files of 4 kB, staged, committed and synced together.
func BenchmarkGroup(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	h, err := New(Options{Root: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	text := strings.Repeat("x", 4096)
	n := fileNode(text)
	n.Owner, n.Group = "0", "0"
	ctx := context.Background()
	for b.Loop() {
		var group []hosts.Staged
		for i := range 100 {
			s, err := h.Stage(ctx, fmt.Sprintf("/f%d", i), n, strings.NewReader(text))
			if err != nil {
				b.Fatal(err)
			}
			group = append(group, s)
		}
		for _, s := range group {
			if err := s.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		if err := h.Sync(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPut is one file at a time, each on disk before the next.
func BenchmarkPut(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	h, err := New(Options{Root: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	n := fileNode("x")
	n.Owner, n.Group = "0", "0"
	for b.Loop() {
		if err := h.Put(context.Background(), "/f", n, strings.NewReader("x")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBigFile writes 64 MiB.
func BenchmarkBigFile(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	h, err := New(Options{Root: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	text := strings.Repeat("x", 64<<20)
	n := fileNode(text)
	n.Owner, n.Group = "0", "0"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := h.Put(context.Background(), "/f", n, strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
