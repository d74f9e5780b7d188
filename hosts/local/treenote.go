package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"maps"
	"path"
	"sync"

	"hikae/hosts"
)

// noting gathers the marks of a tree.
type noting struct {
	mu   sync.Mutex
	seen map[mark]struct{}
	but  map[string]bool
}

// entry notes one, unless it or what it lies in is left out.
func (n *noting) entry(e *hosts.TreeEntry) {
	if len(n.but) > 0 {
		for p := e.Path; ; p = path.Dir(p) {
			if n.but[p] {
				return
			}
			if p == "." {
				break
			}
		}
	}
	m := markOf(e)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[m] = struct{}{}
}

// marks are of all in the tree that was there at the last Sum or is known, but what
// is at or below some paths. Where that is nothing, and nothing was written since,
// those of the last Sum will do.
func (t *tree) marks(ctx context.Context, but []string) (map[mark]struct{}, error) {
	t.mu.Lock()
	summed, written := t.summed, t.since
	t.summed = nil
	t.mu.Unlock()
	if summed != nil && !written && len(but) == 0 {
		return summed, nil
	}
	n := noting{seen: map[mark]struct{}{}, but: map[string]bool{}}
	for _, p := range but {
		n.but[p] = true
	}
	_, err := t.walk(ctx, ".", false, n.entry)
	maps.DeleteFunc(n.seen, func(m mark, _ struct{}) bool {
		_, was := summed[m]
		return !was && !t.known.hasMark(m)
	})
	return n.seen, err
}

// sum hashes what is copied.
type sum struct {
	hash.Hash
	want hosts.ID
}

func newSum(want hosts.ID) *sum { return &sum{Hash: sha256.New(), want: want} }

func (s *sum) over(data func([]byte) error) func([]byte) error {
	return func(b []byte) error {
		s.Write(b)
		return data(b)
	}
}

func (s *sum) overHole(hole func(int64) error) func(int64) error {
	return func(n int64) error {
		var zero [4096]byte
		for left := n; left > 0; left -= int64(len(zero)) {
			s.Write(zero[:min(left, int64(len(zero)))])
		}
		return hole(n)
	}
}

func (s *sum) check() error {
	if !bytes.Equal(s.Sum(nil), s.want[:]) {
		return errContent
	}
	return nil
}
