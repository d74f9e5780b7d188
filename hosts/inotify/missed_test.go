package inotify

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hikae/hosts"
)

// follower keeps a model by what a watch tells.
type follower struct {
	dir    string
	truth  *model
	hints  atomic.Int64
	told   int
	cancel func()
	done   chan error

	mu      sync.Mutex
	copy    *model
	history []string
}

// follow watches /srv and /data below dir. delays are how long, in ms, each
// report in turn waits before it is taken.
func follow(t *testing.T, dir string, opts Options, delays []int) *follower {
	f := &follower{dir: dir, done: make(chan error, 1)}
	var err error
	f.copy, err = newModel(dir, leftOut)
	must(t, err)
	f.truth, err = newModel(dir, leftOut)
	must(t, err)
	f.copy.hints = &f.hints
	f.copy.read("/srv", "", nil, true)
	f.copy.read("/data", "", nil, true)
	opts.Root = dir
	opts.Patterns = func([]string) (func(string) bool, error) { return leftOut, nil }
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	ready, reports := make(chan struct{}), 0
	go func() {
		f.done <- Watch(ctx, opts, []hosts.WatchRoot{{Path: "/srv", Tree: true, Exclude: []string{"x"}}, tree("/data")}, func(r hosts.WatchReport) error {
			if r.Ready {
				close(ready)
			}
			reports++
			time.Sleep(time.Duration(delays[reports%len(delays)]) * time.Millisecond)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.told += len(r.Seen)
			f.copy.apply(r)
			f.history = append(f.history, fmt.Sprintf("%+v", r.Seen))
			return nil
		})
	}()
	<-ready
	return f
}

func (f *follower) close() error {
	f.cancel()
	err := <-f.done
	f.copy.k.close()
	f.truth.k.close()
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// differs waits until the copy is what it is a copy of; "" then, and else what it is.
func (f *follower) differs() string {
	deadline := time.Now().Add(10 * time.Second)
	for ; ; time.Sleep(2 * time.Millisecond) {
		f.mu.Lock()
		clear(f.truth.nodes)
		clear(f.truth.files)
		f.truth.read("/srv", "", nil, true)
		f.truth.read("/data", "", nil, true)
		got, want := f.copy.text(), f.truth.text()
		past := strings.Join(f.history, "\n")
		f.mu.Unlock()
		if slices.Equal(got, want) {
			return ""
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("the copy has\n%s\nthe host\n%s\ntold: %s", strings.Join(got, "\n"), strings.Join(want, "\n"), past)
		}
	}
}

// do makes changes, those of each list after one another.
func (f *follower) do(lists ...[]operation) {
	var wg sync.WaitGroup
	for _, list := range lists {
		wg.Go(func() {
			for _, o := range list {
				o.run(f.dir)
				time.Sleep(o.then)
			}
		})
	}
	wg.Wait()
}

func modelDir(t *testing.T, in string) string {
	dir, err := os.MkdirTemp(in, "watch")
	must(t, err)
	mkdir(t, dir, "srv/a/b", "data", "out")
	return dir
}

// What is told is enough: a copy that is kept by it alone ends as what it is a
// copy of, whatever is done meanwhile, by two at once, and however late it is read.
func TestNothingIsMissed(t *testing.T) {
	var hints int64
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, "")
		defer os.RemoveAll(dir)
		f := follow(t, dir, Options{}, rapid.SliceOfN(rapid.IntRange(0, 3), 8, 8).Draw(rt, "delays"))
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
			hints += f.hints.Load()
			told += f.told
		}()
		for round := range 3 {
			one, two := someOperations().Draw(rt, "one"), someOperations().Draw(rt, "two")
			f.do(one, two)
			if d := f.differs(); d != "" {
				rt.Fatalf("round %d: %s\nafter %v\nand %v", round, d, one, two)
			}
		}
	})
	t.Logf("%d told, %d contents known by a rename", told, hints)
	if hints == 0 {
		t.Error("no rename has told what is where")
	}
}

// So it is of thousands at once: a tree is unpacked, renamed on the way, changed
// and removed in part, by several.
func TestStorm(t *testing.T) {
	dir := modelDir(t, inMemory(t))
	f := follow(t, dir, Options{}, []int{0, 20, 0, 5})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			top := filepath.Join(dir, fmt.Sprintf("srv/%d", i))
			for j := range 100 {
				sub := filepath.Join(top, fmt.Sprintf("%d/%d", j%7, j))
				_ = os.MkdirAll(sub, 0o755)
				for k := range 15 {
					tmp := filepath.Join(sub, fmt.Sprintf(".%d", k))
					_ = os.WriteFile(tmp, []byte(sub), 0o644)
					_ = os.Rename(tmp, filepath.Join(sub, fmt.Sprint(k)))
				}
				switch j {
				case 40:
					_ = os.Rename(top, top+"-moved")
				case 60:
					_ = os.RemoveAll(filepath.Join(top, "3"))
				case 80:
					_ = os.Rename(filepath.Join(top, "4"), filepath.Join(dir, fmt.Sprintf("data/%d", i)))
				case 90:
					_ = os.RemoveAll(top + "-moved")
				}
			}
		})
	}
	wg.Wait()
	began := time.Now()
	if d := f.differs(); d != "" {
		t.Error(d)
	}
	took := time.Since(began)
	must(t, f.close())
	t.Logf("%d told, the last %v after the end", f.told, took)
}

// So it is when events are lost, before, among and after the changes.
func TestNothingIsMissedOver(t *testing.T) {
	defer fewer(t, "10")() // each fills the queue
	shared := inMemory(t)
	most := sysctl(t, "max_queued_events")
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, shared)
		defer os.RemoveAll(dir)
		mkdir(t, dir, "srv/flood")
		for i := range 100 {
			put(t, dir, fmt.Sprintf("srv/flood/%d", i), "")
		}
		const slack = 20 * time.Millisecond
		var stalled atomic.Bool
		var over atomic.Int64
		stall, goOn := make(chan struct{}), make(chan struct{})
		opts := Options{slack: slack, Log: slog.New(counter{slog.DiscardHandler, &over}), stall: func() {
			if stalled.CompareAndSwap(true, false) {
				stall <- struct{}{}
				<-goOn
			}
		}}
		before := someOperations().Draw(rt, "before")
		for _, o := range before {
			o.run(dir)
		}
		time.Sleep(2 * slack)
		f := follow(t, dir, opts, []int{0})
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
		}()
		stalled.Store(true)
		put(t, dir, "srv/flood/0", "x")
		<-stall
		kept, lost, late := someOperations().Draw(rt, "kept"), someOperations().Draw(rt, "lost"), someOperations().Draw(rt, "late")
		f.do(kept)
		for i := range most + 1 {
			must(t, os.Chmod(filepath.Join(dir, fmt.Sprintf("srv/flood/%d", i%100)), 0o600+os.FileMode(i/100%2)))
		}
		f.do(lost)
		close(goOn)
		f.do(late)
		if d := f.differs(); d != "" {
			rt.Fatalf("%s\nafter %v\n%v\n%v\n%v", d, before, kept, lost, late)
		}
		if over.Load() == 0 {
			rt.Error("the queue did not run over")
		}
	})
}

// So it is where watches lack, and come and go.
func TestNothingIsMissedWithoutWatches(t *testing.T) {
	t.Parallel()
	if apart(t) {
		return
	}
	defer fewer(t, "10")()
	rapid.Check(t, func(rt *rapid.T) {
		dir := modelDir(t, "")
		defer os.RemoveAll(dir)
		limit(t, "watches", rapid.IntRange(0, 12).Draw(rt, "limit"))
		f := follow(t, dir, Options{slack: 50 * time.Millisecond, every: 20 * time.Millisecond}, []int{0})
		defer func() {
			if err := f.close(); err != nil {
				rt.Errorf("the watch ended with %v", err)
			}
		}()
		for round := range 3 {
			one, two := someOperations().Draw(rt, "one"), someOperations().Draw(rt, "two")
			f.do(one, two)
			if d := f.differs(); d != "" {
				rt.Fatalf("round %d: %s\nafter %v\nand %v", round, d, one, two)
			}
			limit(t, "watches", rapid.IntRange(0, 40).Draw(rt, "limit"))
		}
	})
}

// fewer has rapid check so many cases, unless it was told how many.
func fewer(t *testing.T, n string) (restore func()) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return func() {}
	}
	must(t, checks.Value.Set(n))
	return func() { must(t, checks.Value.Set(checks.DefValue)) }
}

// counter counts what is logged.
type counter struct {
	slog.Handler
	n *atomic.Int64
}

func (c counter) Enabled(context.Context, slog.Level) bool { return true }

func (c counter) Handle(context.Context, slog.Record) error {
	c.n.Add(1)
	return nil
}
