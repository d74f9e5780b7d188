package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"

	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/mirror"
	"hikae/states"
)

// tree is a data tree that is kept on a follower, beside what else it follows: with
// sessions of its own, so that no long transfer holds up a line of configuration.
type tree struct {
	loop           *Loop
	source, target control.Target
	mirror         *mirror.Mirror
	known          atomic.Bool // that something was applied to the target
}

func newTree(l *Loop, b *board, f Following, t control.Target, s mirror.Settings) *tree {
	tr := &tree{loop: l, source: f.Source, target: t}
	name := TreeRecord(t.Name, s.Root)
	connect := func(to control.Target) func(context.Context) (*agent.Client, error) {
		return func(ctx context.Context) (*agent.Client, error) { return l.Control.Connect(ctx, to) }
	}
	tr.mirror = mirror.New(mirror.Options{
		Settings: s, Source: connect(f.Source), Target: connect(t), Holder: l.Holder, Hold: tr.hold,
		Emit: func(e mirror.Event) {
			tr.log(e)
			b.change(func() {})
		},
		Load: func() ([]byte, error) { return l.Control.TreeRecord(name) },
		Save: func(raw []byte) error { return l.Control.SetTreeRecord(name, raw) },
	})
	b.trees = append(b.trees, tr.status)
	return tr
}

// TreeKind and TreeRecord name the record in the store of one tree on one host.
const TreeKind = states.Mirror

// TreeRecord is that record's name.
func TreeRecord(host, root string) string {
	sum := sha256.Sum256([]byte(root))
	return fmt.Sprintf("%s.%x", host, sum[:8])
}

// run keeps the tree until ctx ends.
func (t *tree) run(ctx context.Context) {
	var allows sync.WaitGroup
	allows.Go(func() { t.allow(ctx) })
	defer allows.Wait()
	t.mirror.Run(ctx)
}

// hold reports whether nothing is to be brought now: by a person's word, or for
// want of it on a host that nothing was ever applied to.
func (t *tree) hold() bool {
	if held, err := t.loop.Control.Held(t.target.Name); err != nil || held != nil {
		return true
	}
	if t.known.Load() {
		return false
	}
	known, err := t.loop.Control.Known(t.target.Name)
	t.known.Store(err == nil && known) // it is so from then on, and asked often
	return err != nil || !known
}

// allow lets pass what an alarm stopped, once a person has said so since.
func (t *tree) allow(ctx context.Context) {
	for before := (word{}); ctx.Err() == nil; sleep(ctx, lookEvery) {
		at, err := t.loop.Control.Allowed(t.target.Name)
		if err != nil || !before.isNew(at) {
			continue
		}
		before = word{at, true}
		if t.mirror.Status().Alarm != "" {
			t.mirror.Allow()
		}
	}
}

func (t *tree) log(e mirror.Event) {
	log := t.loop.Log.With("host", t.target.Name, "tree", e.Root)
	switch e.Type {
	case "alarm":
		log.Error(e.Text)
	case "arrived":
		log.Info("arrived", "changes", e.Files, "bytes", e.Bytes)
	default:
		log.Warn(e.Text)
	}
}

func (t *tree) status() MirrorStatus {
	s := t.mirror.Status()
	first := ""
	if len(s.Foreign) > 0 {
		first = s.Foreign[0]
	}
	return MirrorStatus{
		Foreign: s.ForeignCount, FirstForeign: first,
		Host: t.target.Name, Source: t.source.Name, Root: s.Root, InStep: s.InStep, Since: s.Since, Why: s.Why,
		Alarm: s.Alarm, Held: s.Held, Files: s.Files, Bytes: s.Bytes, LastArrival: s.LastArrival, NextAudit: s.NextAudit,
	}
}
