package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// Whoever may write to a tree can give his files the longest of names, and as many
// as he likes: no message is too long for it.
func TestLongPaths(t *testing.T) {
	h, r := newWatched(t)
	c := r.client(t)
	seen := make([]hosts.Seen, maxSeen)
	for i := range seen {
		p := "/etc" + strings.Repeat("/"+strings.Repeat("x", 240), 16)
		seen[i] = hosts.Seen{Path: fmt.Sprint(p, i), From: p}
	}
	ctx, enough := context.WithCancel(t.Context())
	over := make(chan error, 1)
	told := 0
	go func() {
		over <- c.Watch(ctx, WatchRequest{}, func(w Watched) error {
			if told += len(w.Seen); w.Ready {
				enough()
			}
			return nil
		})
	}()
	<-h.roots
	h.reports <- hosts.WatchReport{Seen: seen, Ready: true}
	<-over
	if told != len(seen) {
		t.Errorf("%d of %d are told", told, len(seen))
	}

	p := newTreePrey(t)
	dir := strings.Repeat(strings.Repeat("d", 240)+"/", 15)
	paths := make([]string, maxTreePaths)
	for i := range paths {
		paths[i] = fmt.Sprint(dir, i)
	}
	if st, err := p.tree.Stat(t.Context(), paths, false); err != nil || len(st) != len(paths) {
		t.Errorf("the status of %d: %v", len(st), err)
	}
}

// Names of one file come whole however many they are.
func TestManyLinks(t *testing.T) {
	p := newTreePrey(t)
	dir := p.Path("/home/alice/" + strings.Repeat("d", 250))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const many = 2*treeBytes/500 + 10
	var want []string
	for i := range many {
		name := fmt.Sprintf("%0250d", i)
		at := filepath.Join(dir, name)
		if i == 0 {
			if err := os.WriteFile(at, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Link(filepath.Join(dir, fmt.Sprintf("%0250d", 0)), at); err != nil {
			t.Fatal(err)
		}
		want = append(want, filepath.Base(dir)+"/"+name)
	}
	if _, err := p.tree.Sum(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	groups, err := p.tree.Links(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 || !slices.Equal(groups[0], want) {
		t.Errorf("%d files, the first with %d names, want one with %d", len(groups), len(groups[0]), len(want))
	}
}

// What is told of arrivals and does not end is ended.
func TestArrivedDoesNotEnd(t *testing.T) {
	h := hosttest.New(t)
	h.OnRun(func(ctx context.Context, _ hosts.Cmd) (hosts.Result, error) {
		<-ctx.Done()
		return hosts.Result{}, ctx.Err()
	})
	ss := &session{Server: Server{Host: h}}
	err := ss.runArrived(t.Context(), []string{"sleep", "1d"}, 10*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "did not end") {
		t.Error(err)
	}
}
