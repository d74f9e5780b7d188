package mirror

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"hikae/hosts"
)

// TestModel: whatever is done to the source, and some of what is done to the
// target, both are equal after a comparison: of the whole, or of what was told.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSides(t, nil)
		defer os.RemoveAll(s.src.Root)
		defer os.RemoveAll(s.dst.Root)
		p, err := s.m.open(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		defer p.close()
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			var seen []hosts.Seen
			for range rapid.IntRange(0, 12).Draw(rt, "operations") {
				seen = append(seen, disturb(rt, s.src.Path(root))...)
			}
			drifted := rapid.IntRange(0, 9).Draw(rt, "drift") == 0
			if drifted {
				disturbKnown(rt, s.src.Path(root), s.dst.Path(root))
			}
			if !drifted && s.m.record.InStep && rapid.Bool().Draw(rt, "live") {
				if err := p.live(t.Context(), seen); err != nil {
					rt.Fatal(err)
				}
				if !p.auditAgain {
					equal(rt, s)
					continue
				}
			}
			if err := p.audit(t.Context()); err != nil {
				rt.Fatal(err)
			}
			equal(rt, s)
		}
		if n := len(s.m.Status().Failed); n != 0 {
			rt.Fatalf("failed: %v", s.m.Status().Failed)
		}
	})
}

func equal(rt *rapid.T, s *sides) {
	a, b := describe(s.t, s.src.Path(root)), describe(s.t, s.dst.Path(root))
	if a != b {
		rt.Fatalf("the source is\n%s\nand the target\n%s\nit stands %+v", a, b, s.m.Status())
	}
}

// names are few, so that what is done meets what was done.
func name(rt *rapid.T) string {
	n := rapid.SampledFrom([]string{"a", "b", "c"})
	p := n.Draw(rt, "name")
	for range rapid.IntRange(0, 2).Draw(rt, "depth") {
		p += "/" + n.Draw(rt, "name")
	}
	return p
}

func write(p string, b []byte) {
	if f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o640); err == nil {
		_, _ = f.Write(b)
		_ = f.Close()
	}
}

// disturb does something to a tree, or fails to, and tells what a watch would.
func disturb(rt *rapid.T, dir string) []hosts.Seen {
	rel := name(rt)
	p := filepath.Join(dir, rel)
	abs := func(rel string) string { return path.Join(root, rel) }
	seen := []hosts.Seen{{Path: abs(rel), Deep: true}}
	switch rapid.IntRange(0, 11).Draw(rt, "what") {
	case 0, 1:
		write(p, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "bytes"))
	case 2:
		_ = os.Mkdir(p, 0o755)
	case 3:
		_ = os.RemoveAll(p)
	case 4:
		to := name(rt)
		if os.Rename(p, filepath.Join(dir, to)) == nil {
			seen = []hosts.Seen{{Path: abs(to), From: abs(rel), Deep: true}, {Path: abs(rel)}}
		}
	case 5:
		to := name(rt)
		_ = os.Link(p, filepath.Join(dir, to))
		seen = append(seen, hosts.Seen{Path: abs(to)})
	case 6:
		_ = os.Symlink(rapid.SampledFrom([]string{"nowhere", "/no/where", "../nowhere/b", "caf\xe9/x"}).Draw(rt, "target"), p)
	case 7:
		_ = os.Chmod(p, os.FileMode(rapid.SampledFrom([]uint32{0o600, 0o644, 0o755}).Draw(rt, "mode")))
	case 8:
		id := rapid.SampledFrom([]int{0, 1000, 2000, 4242})
		_ = os.Lchown(p, id.Draw(rt, "uid"), id.Draw(rt, "gid"))
	case 9:
		at := time.Unix(rapid.Int64Range(1, 2_000_000_000).Draw(rt, "time"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns"))
		_ = unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{unix.NsecToTimespec(at.UnixNano()), unix.NsecToTimespec(at.UnixNano())}, unix.AT_SYMLINK_NOFOLLOW)
	case 10:
		_ = unix.Lsetxattr(p, "user.x", rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(rt, "value"), 0)
	case 11: // in place: each of its names changes
		if f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0); err == nil {
			hole := rapid.Int64Range(0, 3).Draw(rt, "hole") << 20
			_, _ = f.Write([]byte("more"))
			if fi, err := f.Stat(); err == nil && hole > 0 {
				_ = f.Truncate(fi.Size() + hole)
			}
			_, _ = f.Write(bytes.Repeat([]byte{'x'}, 10))
			_ = f.Close()
		}
	}
	return seen
}

// disturbKnown changes the target behind the mirror's back, adding nothing of
// its own, nor to what the source has lost: that would be left.
func disturbKnown(rt *rapid.T, src, dst string) {
	rel := name(rt)
	p := filepath.Join(dst, rel)
	switch rapid.IntRange(0, 2).Draw(rt, "drift") {
	case 0:
		_ = os.RemoveAll(p)
	case 1:
		_ = os.Chmod(p, 0o611)
	case 2:
		there, err := os.Lstat(filepath.Join(src, rel))
		if err != nil || !there.Mode().IsRegular() {
			return
		}
		fi, err := os.Lstat(p)
		if err != nil || !fi.Mode().IsRegular() {
			return
		}
		// Of the same size, and within the kernel's tick (inode_set_ctime_current) in which
		// it was brought, nothing tells it from what was there: until the time is another.
		for now := fi; err == nil && now.ModTime().Equal(fi.ModTime()); now, err = os.Lstat(p) {
			_ = os.WriteFile(p, []byte(fmt.Sprint("drift", fi.Size())), 0o600)
		}
	}
}
