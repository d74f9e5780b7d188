package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"hikae/hosts"
)

func TestWatch(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	h.patterns = func(patterns []string) (func(string) bool, error) {
		return func(p string) bool { return slices.Contains(patterns, p) }, nil
	}
	write(t, root, "etc/rc.d/init.d/x", "")
	write(t, root, "etc/left-out/x", "")
	symlink(t, root, "rc.d/init.d", "etc/init.d")
	symlink(t, root, "/etc", "tmp/link")
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	roots := []hosts.WatchRoot{
		{Path: "/etc", Tree: true, Exclude: []string{"/etc/left-out"}},
		{Path: "/etc/init.d/x"},
		{Path: "/tmp/link/passwd"}, // a link that anybody could have put there
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	got, enough := map[string]int{}, errors.New("enough")
	err := h.Watch(ctx, roots, func(r hosts.WatchReport) error {
		for _, s := range r.Seen {
			got[s.Path]++
		}
		if r.Ready {
			write(t, root, "etc/rc.d/init.d/x", "new")
			write(t, root, "etc/left-out/x", "new")
			write(t, root, "etc/passwd", "new")
			write(t, root, "etc/end", "")
		}
		if got["/etc/end"] > 0 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	for p, told := range map[string]bool{"/etc/rc.d/init.d/x": true, "/etc/init.d/x": true, "/etc/passwd": true, "/etc/left-out/x": false, "/tmp/link/passwd": false} {
		if (got[p] > 0) != told {
			t.Errorf("%s: %v", p, got)
		}
	}
	if err := h.Watch(ctx, []hosts.WatchRoot{{Path: "../etc"}}, nil); err == nil {
		t.Error("what is no path is watched")
	}
}

// A link that a link on the way leads to is one on the way, too: as where a release is
// made the current one.
func TestWatchLinksToLinks(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	for _, release := range []string{"1", "2", "3"} {
		write(t, root, "srv/releases/"+release+"/data/x", release)
	}
	write(t, root, "opt/x", "")
	symlink(t, root, "releases/1", "srv/current")
	symlink(t, root, "../srv/current", "opt/app")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	enough, release := errors.New("enough"), 1
	err := h.Watch(ctx, []hosts.WatchRoot{{Path: "/opt/app/data", Tree: true}}, func(r hosts.WatchReport) error {
		if r.Ready || slices.Contains(r.Seen, hosts.Seen{Path: "/opt/app/data", Deep: true}) && release < 3 {
			release++
			symlink(t, root, "releases/"+strconv.Itoa(release), "srv/new")
			if err := os.Rename(filepath.Join(root, "srv/new"), filepath.Join(root, "srv/current")); err != nil {
				return err
			}
			return nil
		}
		if slices.Contains(r.Seen, hosts.Seen{Path: "/opt/app/data/x"}) {
			return enough
		}
		if release == 3 { // once it is watched there
			write(t, root, "srv/releases/3/data/x", "new")
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("release %d: %v", release, err)
	}
}
