package blob_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"hikae/states/blob"
	"hikae/states/blob/blobtest"
)

func TestBehind(t *testing.T) {
	blobtest.Run(t, func(tb testing.TB) blob.Store {
		d, err := blob.OpenDir(tb.TempDir())
		if err != nil {
			tb.Fatal(err)
		}
		b := blob.NewBehind(d)
		tb.Cleanup(func() {
			if err := b.Settle(); err != nil {
				tb.Error(err)
			}
		})
		return b
	})
}

// slow is a Store whose Put waits, and then fails where it is told to.
type slow struct {
	blob.Store
	goOn chan error
}

func (s slow) Put(ctx context.Context, name string, r io.Reader) error {
	if err := <-s.goOn; err != nil {
		return err
	}
	return s.Store.Put(ctx, name, r)
}

// Of a blob that could not be written a reader hears why, until it is.
func TestBehindTellsWhy(t *testing.T) {
	dir, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	under := slow{dir, make(chan error)}
	b := blob.NewBehind(under)
	ctx, name, full := t.Context(), strings.Repeat("ab", 32), errors.New("no space left")
	for _, want := range []error{full, nil} {
		if err := b.Put(ctx, name, strings.NewReader("text")); err != nil {
			t.Fatal(err)
		}
		under.goOn <- want
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if r, err := b.Get(ctx, name); errors.Is(err, want) && (want != nil || r != nil) {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%v, want %v", err, want)
			}
		}
	}
	if err := b.Settle(); err != nil {
		t.Errorf("it is stored: %v", err)
	}
}

// A blob is there before it is written, and is missing again where it could not be.
func TestBehindIsThereAtOnce(t *testing.T) {
	dir, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	under := slow{dir, make(chan error)}
	b := blob.NewBehind(under)
	ctx, name := t.Context(), strings.Repeat("ab", 32)
	for _, full := range []error{errors.New("no space left"), nil} {
		if err := b.Put(ctx, name, strings.NewReader("text")); err != nil {
			t.Fatal(err)
		}
		if missing, err := b.Missing(ctx, []string{name}); err != nil || len(missing) > 0 {
			t.Errorf("missing while it is written: %v, %v", missing, err)
		}
		r, err := b.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != "text" {
			t.Errorf("%q, %v", text, err)
		}
		under.goOn <- full
		if err := b.Settle(); !errors.Is(err, full) {
			t.Errorf("settled: %v, want %v", err, full)
		}
		missing, err := b.Missing(ctx, []string{name})
		if err != nil || slices.Contains(missing, name) != (full != nil) {
			t.Errorf("missing after %v: %v, %v", full, missing, err)
		}
	}
	if err := b.Settle(); err != nil {
		t.Errorf("told twice: %v", err)
	}
}
