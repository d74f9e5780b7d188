package engine

import "context"

// The context of an apply is not cancelled when its controller goes away: a
// program that is killed halfway is what an apply must never do. Instead the
// context says that no more should be begun; what was begun is brought to its
// end or rolled back.

type stopKey struct{}

// WithStop returns a context whose Stopping is stop.
func WithStop(ctx context.Context, stop <-chan struct{}) context.Context {
	return context.WithValue(ctx, stopKey{}, stop)
}

// Stopping returns a channel that is closed when an Applier should begin
// nothing new: its controller is gone or has asked it to stop. Where nobody
// can ask, it is nil and never ready.
func Stopping(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stopKey{}).(<-chan struct{})
	return stop
}
