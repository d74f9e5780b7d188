package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// What a Behind holds at most, in bytes: of one blob, and of all on their way.
const (
	behindOne = 256 << 10
	behindAll = 16 << 20
)

// behindAtOnce is how many it writes at a time: a disk is waited for, each by a
// thread, and one sync of the disk's journal does for all who wait.
const behindAtOnce = 16

// Behind is a Store that has a small blob as soon as it was read, and writes it
// meanwhile: who follows a host need not wait for a disk. Until Settle has returned
// nothing that lasts may name such a blob.
type Behind struct {
	Store

	mu     sync.Mutex
	held   map[string][]byte // on their way
	size   int               // of them all
	some   *sync.Cond        // one of them is through
	failed map[string]error  // since the last Settle, by blob

	writing chan struct{} // a place for each that is written
}

// NewBehind makes one of another Store.
func NewBehind(s Store) *Behind {
	b := &Behind{Store: s, held: map[string][]byte{}, failed: map[string]error{}, writing: make(chan struct{}, behindAtOnce)}
	b.some = sync.NewCond(&b.mu)
	return b
}

// Put implements Store.
func (b *Behind) Put(ctx context.Context, name string, r io.Reader) error {
	if missing, err := b.Missing(ctx, []string{name}); err != nil || len(missing) == 0 {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(&ctxReader{ctx, r}, behindOne+1))
	if err != nil {
		return err
	}
	if !b.hold(name, data) {
		err := b.Store.Put(ctx, name, io.MultiReader(bytes.NewReader(data), r))
		if err == nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.failed, name)
		}
		return err
	}
	go func() {
		b.writing <- struct{}{}
		defer func() { <-b.writing }()
		err := b.Store.Put(context.WithoutCancel(ctx), name, bytes.NewReader(data))
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.held, name)
		b.size -= len(data)
		if delete(b.failed, name); err != nil {
			b.failed[name] = err
		}
		b.some.Broadcast()
	}()
	return nil
}

// hold takes a blob to be written, unless it is too large, or too many are.
func (b *Behind) hold(name string, data []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[name] != nil || len(data) > behindOne || b.size+len(data) > behindAll {
		return false
	}
	b.held[name] = data
	b.size += len(data)
	return true
}

// Missing implements Store.
func (b *Behind) Missing(ctx context.Context, names []string) ([]string, error) {
	b.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return b.held[n] != nil })
	b.mu.Unlock()
	return b.Store.Missing(ctx, rest)
}

// Get implements Store. Of a blob that could not be written it tells why.
func (b *Behind) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	b.mu.Lock()
	data, failed := b.held[name], b.failed[name]
	b.mu.Unlock()
	switch {
	case data != nil:
		return io.NopCloser(bytes.NewReader(data)), nil
	case failed != nil:
		return nil, failed
	}
	return b.Store.Get(ctx, name)
}

// List implements Store.
func (b *Behind) List(ctx context.Context, fn func(string, int64) error) error {
	if err := b.Settle(); err != nil {
		return err
	}
	return b.Store.List(ctx, fn)
}

// Settle waits until all that was put before is stored. What could not be is told
// once, to whoever asks first, and is missing from then on.
func (b *Behind) Settle() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range slices.Collect(maps.Keys(b.held)) {
		for b.held[name] != nil {
			b.some.Wait()
		}
	}
	names := slices.Sorted(maps.Keys(b.failed))
	if len(names) == 0 {
		return nil
	}
	err := b.failed[names[0]]
	if len(names) > 1 {
		err = fmt.Errorf("%w (and so for %d more)", err, len(names)-1)
	}
	clear(b.failed)
	return err
}
