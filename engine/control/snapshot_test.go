package control

import (
	"testing"

	"hikae/states"
)

// A snapshot that finds nothing changed since an undo point makes that one a
// wish: else the host could never be planned by itself.
func TestSnapshotOfAnUndoPointIsAWish(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store}
	if err := c.wish("h", "a"); err != nil {
		t.Fatal(err)
	}
	if err := store.Set(states.Undo, "h", []byte("a\nb\n")); err != nil {
		t.Fatal(err)
	}
	for _, gen := range []string{"b", "c"} {
		if err := c.wish("h", gen); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(states.Undo, "h"); err != nil || string(got) != "a\n" {
			t.Errorf("%s: the undo points are %q, %v", gen, got, err)
		}
	}
}
