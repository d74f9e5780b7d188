package blob_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hikae/states/blob"
)

func name(i int) string { return fmt.Sprintf("%064x", i) }

// aged has all blobs below root be as if nobody had asked for them in a long time.
func aged(t *testing.T, root string, since time.Time) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := os.Chtimes(p, since, since); err != nil {
			t.Fatal(err)
		}
	}
}

// What was asked for, or put, is not removed, whenever that was; and who was told that
// it is there finds it there.
func TestRemoveBesideWriters(t *testing.T) {
	root := t.TempDir()
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const blobs, rounds = 40, 25
	long, before := time.Now().Add(-60*24*time.Hour), time.Now().Add(-30*24*time.Hour)
	removed := int64(0)
	for round := range rounds {
		for i := range blobs {
			if err := d.Put(ctx, name(i), strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		aged(t, root, long)
		var writers, cleaner sync.WaitGroup
		cleaner.Go(func() {
			unused, err := d.Unused(ctx, before)
			if err == nil {
				var n int64
				n, err = d.Remove(ctx, unused, before)
				removed += n
			}
			if err != nil {
				t.Error(err)
			}
		})
		for w := range 2 {
			writers.Go(func() { // of every other blob
				for i := w; i < blobs; i += 4 {
					if err := ask(ctx, d, name((i+round)%blobs)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		cleaner.Wait()
		for w := range 2 {
			for i := w; i < blobs; i += 4 {
				missing, err := d.Missing(ctx, []string{name((i + round) % blobs)})
				if err != nil || len(missing) > 0 {
					t.Fatalf("round %d: %v is gone, %v", round, missing, err)
				}
			}
		}
	}
	if removed == 0 || removed == blobs*rounds {
		t.Errorf("%d were removed of %d: nothing was tried", removed, blobs*rounds)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "*", "*.going")); len(left) > 0 {
		t.Errorf("left aside: %v", left)
	}
}

// ask is how writers do: what is missing is put.
func ask(ctx context.Context, d *blob.Dir, name string) error {
	missing, err := d.Missing(ctx, []string{name})
	if err != nil || len(missing) == 0 {
		return err
	}
	return d.Put(ctx, name, strings.NewReader("x"))
}

// Asked for is used; what a cleaner that was killed put aside comes back.
func TestUnused(t *testing.T) {
	root := t.TempDir()
	d, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for i := range 4 {
		if err := d.Put(ctx, name(i), strings.NewReader("bytes")); err != nil {
			t.Fatal(err)
		}
	}
	aged(t, root, time.Now().Add(-60*24*time.Hour))
	at := filepath.Join(root, "00", name(3))
	if err := os.Rename(at, at+".going"); err != nil {
		t.Fatal(err)
	}
	if missing, err := d.Missing(ctx, []string{name(0), name(3)}); err != nil || !slices.Equal(missing, []string{name(3)}) {
		t.Errorf("missing: %v, %v", missing, err)
	}
	if err := d.Put(ctx, name(1), strings.NewReader("bytes")); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-30 * 24 * time.Hour)
	for range 2 { // what was aside is found by the second
		unused, err := d.Unused(ctx, before)
		if err != nil || unused[name(0)] || unused[name(1)] || !unused[name(2)] {
			t.Errorf("unused: %v, %v", unused, err)
		}
	}
	n, err := d.Remove(ctx, map[string]bool{name(1): true, name(2): true, name(3): true, name(9): true}, before)
	if err != nil || n != 10 {
		t.Errorf("removed %d, %v", n, err)
	}
	if missing, err := d.Missing(ctx, []string{name(0), name(1), name(2), name(3)}); err != nil || !slices.Equal(missing, []string{name(2), name(3)}) {
		t.Errorf("missing: %v, %v", missing, err)
	}
}
