// Package blobtest is the one conformance suite that every backend of
// states/blob passes.
package blobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"hikae/states/blob"
)

// Run holds a backend to blob.Store. open gives an empty one.
func Run(t *testing.T, open func(testing.TB) blob.Store) {
	t.Helper()
	name := func(i int) string { return fmt.Sprintf("%064x", i) }
	get := func(t *testing.T, s blob.Store, n string) string {
		t.Helper()
		r, err := s.Get(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() // opened for reading
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}

	t.Run("what was put is there", func(t *testing.T) {
		s := open(t)
		for i, text := range []string{"", "a", strings.Repeat("x", 3<<20)} {
			if err := s.Put(t.Context(), name(i), strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
			if got := get(t, s, name(i)); got != text {
				t.Errorf("%d bytes came back as %d", len(text), len(got))
			}
		}
		missing, err := s.Missing(t.Context(), []string{name(1), name(9), name(9)[:63] + "f.age"})
		if err != nil || !slices.Equal(missing, []string{name(9), name(9)[:63] + "f.age"}) {
			t.Errorf("missing: %v %v", missing, err)
		}
		var listed []string
		if err := s.List(t.Context(), func(n string, size int64) error {
			listed = append(listed, fmt.Sprintf("%s %d", n, size))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(listed)
		want := []string{name(0) + " 0", name(1) + " 1", fmt.Sprintf("%s %d", name(2), 3<<20)}
		if !slices.Equal(listed, want) {
			t.Errorf("listed %v, want %v", listed, want)
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		if _, err := open(t).Get(t.Context(), name(1)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("written once, never changed", func(t *testing.T) {
		s := open(t)
		for _, text := range []string{"first", "second"} {
			if err := s.Put(t.Context(), name(1), strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got := get(t, s, name(1)); got != "first" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("whole or not at all", func(t *testing.T) {
		s := open(t)
		broken := io.MultiReader(strings.NewReader("half"), failing{})
		if err := s.Put(t.Context(), name(1), broken); err == nil {
			t.Fatal("a broken source is taken")
		}
		if missing, err := s.Missing(t.Context(), []string{name(1)}); err != nil || len(missing) != 1 {
			t.Errorf("half a blob is there: %v %v", missing, err)
		}
		n := 0
		_ = s.List(t.Context(), func(string, int64) error { n++; return nil })
		if n != 0 {
			t.Errorf("%d blobs are listed", n)
		}
	})
	t.Run("a cancelled context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := open(t).Put(ctx, name(1), strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("names that are none", func(t *testing.T) {
		s := open(t)
		for _, n := range []string{"", "a", "../" + name(1)[3:], strings.ToUpper(name(10)), name(1) + ".ag", name(1) + "/x", name(1)[:63] + "g"} {
			_, getErr := s.Get(t.Context(), n)
			_, missErr := s.Missing(t.Context(), []string{n})
			if s.Put(t.Context(), n, strings.NewReader("x")) == nil || getErr == nil || missErr == nil {
				t.Errorf("%q is taken", n)
			}
		}
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("broken") }
