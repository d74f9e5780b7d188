package control

import (
	"errors"
	"io"
	"testing"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/states"
)

// What cannot be kept is not seen, and yet nothing of what was read changes: a Live
// goes on with that meanwhile.
func TestKeepChangesNothingThatWasRead(t *testing.T) {
	l := liar{read: func(v engine.Vault, emit func(engine.Resource) error) (engine.Coverage, error) {
		r := file("/etc/f", []byte("x"), v)
		v.Plain(r.Node.Content, func() (io.ReadCloser, error) { return nil, errors.New("it is gone") })
		return engine.Coverage{Whole: true}, emit(r)
	}}
	c, _, _ := believer(t, agent.Server{}, l)
	to := Target{Name: "h"}
	s, err := c.open(t.Context(), to, c.dial(t.Context(), to), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	taken, err := c.keep(t.Context(), s, to, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if holes := s.actual.Coverage["file"].Holes; len(taken.lost) != 1 || len(holes) > 0 {
		t.Errorf("lost is %v, and what was read has the holes %v", taken.lost, holes)
	}
}

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
