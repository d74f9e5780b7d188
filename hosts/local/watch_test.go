package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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
