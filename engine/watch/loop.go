// Package watch is the loop that never stops: it hears what changes on a source,
// reads that, and brings it to those who follow, one by one and each at its own
// pace. Whatever fails is held back with its reason, tried again, and told; the
// rest goes on.
//
// There are two ways to bring a follower in step. The short one, of what was just
// seen to change, is Live.Converge: from memory, over sessions that are held open.
// The long one is an Apply of all of the newest snapshot: it comes at the start,
// after a link was lost, after an audit that found drift, and whenever the short
// one cannot say. So the short way may refuse whatever it is not sure of.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"hikae/engine/control"
	"hikae/engine/mirror"
)

// Following is a host and those who follow it.
type Following struct {
	Source    control.Target
	Followers []control.Target
	// Mirrors are the data trees that are kept on the followers, but on those that
	// take only a part.
	Mirrors []mirror.Settings
	// Audit is how often all of every host is read and compared.
	Audit time.Duration
	// Delay is how long packages that changed wait before followers get them.
	Delay time.Duration
	// Report leaves drift that an audit finds as it is, and tells of it.
	Report bool
}

// Loop follows.
type Loop struct {
	Control   Control
	Following []Following
	Log       *slog.Logger
	Version   string // of hikae
	Holder    string // names this process for those who find a tree locked
	// Ready is called once all sources are watched or known to be away.
	Ready func()
	// MetricsFile is replaced every few seconds, "" for none; Metrics is a listener
	// where they are asked for, nil for none.
	MetricsFile string
	Metrics     net.Listener
	// Alive is called every few seconds while no part of the loop is stuck.
	Alive func()
}

// Intervals of the loop.
const (
	commitWithin = 700 * time.Millisecond // of a change, its generation is written
	freezeEvery  = 10 * time.Minute       // what changes within it is one generation
	lookEvery    = time.Second            // at a host that is held, or a lock that is taken
	storeAgain   = 20 * time.Second       // after a generation could not be written
	awayAtMost   = 10 * time.Second       // one that is away is tried so often at most
	aliveEvery   = 5 * time.Second
	askEvery     = time.Minute      // a follower that nothing is brought to
	askMost      = 30 * time.Second // is waited for

	mostSingle      = 5000             // changes; more are found sooner by comparing all
	overBudgetAgain = 30 * time.Second // a person may have applied it meanwhile
)

// Run follows until ctx ends, which is no error.
func (l *Loop) Run(ctx context.Context) error {
	if len(l.Following) == 0 {
		return errors.New("nobody follows anybody: write a pair, see hikae init")
	}
	stop, err := l.Control.Watching()
	if err != nil {
		return fmt.Errorf("cannot follow: %w", err)
	}
	defer stop()
	board := newBoard(l)
	var wg sync.WaitGroup
	var met sync.WaitGroup
	for _, f := range l.Following {
		s := newSource(l, board, f)
		met.Add(1)
		wg.Go(func() { s.run(ctx, sync.OnceFunc(met.Done)) })
		for _, fo := range s.followers {
			wg.Go(func() { fo.run(ctx) })
			for _, tr := range fo.trees(board) {
				wg.Go(func() { tr.run(ctx) })
			}
		}
	}
	wg.Go(func() {
		met.Wait()
		if l.Ready != nil && ctx.Err() == nil {
			l.Ready()
		}
	})
	// What was begun on a host is brought to its end before all this is over, and the
	// watchdog is to hear of that.
	telling, told := context.WithCancel(context.WithoutCancel(ctx))
	var last sync.WaitGroup
	last.Go(func() { board.run(telling) })
	if l.Metrics != nil {
		last.Go(func() { board.serve(telling, l.Metrics) })
	}
	wg.Wait()
	told()
	last.Wait()
	return nil
}
