package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/execute"
	"hikae/engine/rules"
	"hikae/hosts/hosttest"
	"hikae/hosts/local"
)

// sides is a mirror of /srv/data between two hosts of a test.
type sides struct {
	t        testing.TB
	src, dst *hosttest.Host
	m        *Mirror

	mu     sync.Mutex
	events []Event
	saved  []byte
}

const root = "/srv/data"

func newSides(t testing.TB, edit func(*Options)) *sides {
	t.Helper()
	s := &sides{t: t, src: hosttest.New(t), dst: hosttest.New(t)}
	s.src.Mkdir(root)
	s.dst.Mkdir("/srv")
	o := s.options()
	if edit != nil {
		edit(&o)
	}
	s.m = New(o)
	return s
}

func (s *sides) options() Options {
	return Options{
		Settings: Settings{
			Root: root, Versions: 24 * time.Hour, Budget: engine.Budget{Deletions: 1 << 30, Modifications: 1 << 30},
		},
		Source: func(ctx context.Context) (*agent.Client, error) { return session(ctx, s.t, s.src) },
		Target: func(ctx context.Context) (*agent.Client, error) { return session(ctx, s.t, s.dst) },
		Emit: func(e Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
		Load: func() ([]byte, error) { return s.saved, nil },
		Save: func(b []byte) error { s.saved = b; return nil },
	}
}

func session(ctx context.Context, t testing.TB, h *hosttest.Host) (*agent.Client, error) {
	l, err := local.New(local.Options{Root: h.Root, Patterns: rules.Matcher})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = l.Close() })
	return agent.Local(ctx, agent.Server{
		Host: l, Applier: &execute.Executor{Host: h}, Build: "v1", Spool: filepath.Join(t.TempDir(), "spool"),
	}, agent.Options{Build: "v1"})
}

// audit does one audit over sessions of its own.
func (s *sides) audit() error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	p, err := s.m.open(ctx)
	if err != nil {
		return s.m.gone(err)
	}
	defer p.close()
	if err := p.audit(ctx); err != nil {
		return s.m.gone(err)
	}
	return nil
}

// ok does one audit, after which the sides have to be equal.
func (s *sides) ok() {
	s.t.Helper()
	if err := s.audit(); err != nil {
		s.t.Fatal(err)
	}
	s.equal()
}

func (s *sides) equal() {
	s.t.Helper()
	a, b := describe(s.t, s.src.Path(root)), describe(s.t, s.dst.Path(root))
	if a != b {
		s.t.Fatalf("- source, + target\n%s\nit stands %+v", cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")), s.m.Status())
	}
}

// sh runs a script in the source's tree.
func (s *sides) sh(script string) { s.t.Helper(); run(s.t, s.src.Path(root), script) }

func run(t testing.TB, dir, script string) {
	t.Helper()
	c := exec.Command("sh", "-ec", script)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// describe tells all of a tree that a mirror carries, by other means than it.
// What goes while it looks is not told of.
func describe(t testing.TB, dir string) string {
	t.Helper()
	names := map[uint64][]string{}
	var lines []string
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		var line string
		var st unix.Stat_t
		if err == nil {
			line, st, err = describeOne(dir, p)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			names[st.Ino] = append(names[st.Ino], line[:strings.Index(line, " ")])
		}
		lines = append(lines, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range names {
		if len(l) < 2 { // the other names are not in the tree: a kept version
			continue
		}
		sort.Strings(l)
		lines = append(lines, fmt.Sprintf("one file: %q", l))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func describeOne(dir, p string) (line string, st unix.Stat_t, err error) {
	rel, _ := filepath.Rel(dir, p)
	if err := unix.Lstat(p, &st); err != nil {
		return "", st, err
	}
	line = fmt.Sprintf("%s %o %d:%d %d.%09d", strings.ReplaceAll(strconv.Quote(rel), " ", "%20"), st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		b, err := os.ReadFile(p)
		if err != nil {
			return "", st, err
		}
		line += fmt.Sprintf(" %d %q", len(b), short(b))
		if st.Blocks*512 < st.Size {
			line += " sparse"
		}
	case unix.S_IFLNK:
		to, _ := os.Readlink(p)
		line += " -> " + to
	case unix.S_IFCHR, unix.S_IFBLK:
		line += fmt.Sprintf(" dev %d", st.Rdev)
	}
	x, err := xattrs(p)
	return line + x, st, err
}

func short(b []byte) string {
	if len(b) > 80 {
		return fmt.Sprintf("%x", contentID(b))
	}
	return string(b)
}

func xattrs(p string) (string, error) {
	buf, v := make([]byte, 1<<16), make([]byte, 1<<16)
	n, err := unix.Llistxattr(p, buf)
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var out []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if name == "" || name == "security.selinux" {
			continue
		}
		n, err := unix.Lgetxattr(p, name, v)
		if err != nil && !errors.Is(err, unix.ENODATA) {
			return "", err
		}
		out = append(out, fmt.Sprintf(" %s=%x", name, v[:max(n, 0)]))
	}
	sort.Strings(out)
	return strings.Join(out, ""), nil
}
