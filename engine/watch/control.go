package watch

import (
	"context"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/hosts"
	"hikae/states"
)

// Control is what the loop has done by engine/control, whose contracts hold: On
// gives it.
type Control interface {
	// Watching makes this the one process that follows.
	Watching() (stop func(), err error)
	WriteStatus(raw []byte) error

	Watch(ctx context.Context, t control.Target, emit func(agent.Watched) error) error
	Source(ctx context.Context, t control.Target) (Source, error)

	Load(ref string) (*engine.Snapshot, error)
	Generations(host string) ([]string, error)
	Held(host string) (*control.Hold, error)
	Known(host string) (bool, error)
	Allowed(host string) (time.Time, error)
	Due(source string, delay time.Duration) (was *engine.Snapshot, next time.Time, err error)
	Plan(ctx context.Context, t control.Target, o control.PlanOptions) (*control.Planned, error)
	Apply(ctx context.Context, t control.Target, o control.ApplyOptions) (*control.Applied, error)
	Follow(ctx context.Context, t control.Target, source *engine.Snapshot) (Follower, error)
	KeepRPMs(ctx context.Context, t control.Target, packages []engine.Addr) error

	Trees
}

// Trees is what mirrors need: sessions of their own, and a record of each tree.
type Trees interface {
	Connect(ctx context.Context, t control.Target) (*agent.Client, error)
	TreeRecord(name string) ([]byte, error)
	SetTreeRecord(name string, raw []byte) error
}

// Source is a host that is held open to be read: control.Live.
type Source interface {
	Close()
	InstallHook(ctx context.Context) (changed bool, advice string, err error)
	Facts() hosts.Facts
	Coverage() map[string]engine.Coverage
	All(ctx context.Context) ([]engine.Addr, error)
	Refresh(ctx context.Context, seen []hosts.Seen, kinds []string) ([]engine.Addr, error)
	Keep(ctx context.Context, addrs []engine.Addr) (lost []engine.Addr, err error)
	Snapshot() *engine.Snapshot
	Commit() func(ctx context.Context) (*control.Taken, error)
	Freeze()
	Retaken() bool
}

// Follower is a host that is held open to be applied to: control.Live.
type Follower interface {
	Close()
	Alive(ctx context.Context) error
	Converge(ctx context.Context, source *engine.Snapshot, addrs []engine.Addr) (*control.Applied, error)
}

// On has the loop follow by a controller.
func On(c *control.Controller) Control { return by{c} }

// by gives control.Live as what the loop needs of it.
type by struct{ *control.Controller }

func (b by) Watching() (func(), error) { return b.Store.Watching(b.Holder) }

func (b by) WriteStatus(raw []byte) error { return b.Store.WriteStatus(raw) }

func (b by) Source(ctx context.Context, t control.Target) (Source, error) {
	live, err := b.Live(ctx, t, nil)
	if err != nil {
		return nil, err // and no Source that is a nil *control.Live
	}
	return live, nil
}

func (b by) Follow(ctx context.Context, t control.Target, source *engine.Snapshot) (Follower, error) {
	live, err := b.Controller.Follow(ctx, t, source)
	if err != nil {
		return nil, err
	}
	return live, nil
}

func (b by) Generations(host string) ([]string, error) { return b.Store.Generations(host) }

func (b by) Connect(ctx context.Context, t control.Target) (*agent.Client, error) {
	return b.Controller.Connect(ctx, t)
}

func (b by) TreeRecord(name string) ([]byte, error) { return b.Store.Get(states.Mirror, name) }

func (b by) SetTreeRecord(name string, raw []byte) error {
	return b.Store.Set(states.Mirror, name, raw)
}
