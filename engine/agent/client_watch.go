package agent

import (
	"context"
	"fmt"
	"time"
)

// Watch calls emit with what may have changed on the host, as it does, until ctx
// ends or emit returns an error; the session is then ready for another operation.
// Once emit has heard Ready, a Read over another session misses nothing that is
// not told. Paths are told as they are; who follows them asks by a Read, which
// decides what may be known of them.
func (c *Client) Watch(ctx context.Context, req WatchRequest, emit func(Watched) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.end(c.watch(ctx, req, emit))
	if err != nil {
		return fmt.Errorf("cannot watch the host%s: %w", c.at(), err)
	}
	return nil
}

func (c *Client) watch(ctx context.Context, req WatchRequest, emit func(Watched) error) error {
	if err := c.l.sendValue(kindWatch, req); err != nil {
		return err
	}
	var enough error              // why no more is wanted
	var patience <-chan time.Time // over: one who pings need not answer
	unwatch := func(why error) error {
		enough, patience = calledOff{why}, time.After(deadAfter)
		return c.l.send(kindUnwatch, nil)
	}
	ending := ctx.Done()
	for {
		select {
		case <-ending:
			ending = nil
			if enough == nil {
				if err := unwatch(context.Cause(ctx)); err != nil {
					return err
				}
			}
		case <-patience:
			return fmt.Errorf("%w: its agent did not end the watch within %v", ErrLost, deadAfter)
		case <-c.l.dead:
			return c.l.err
		case m := <-c.l.in:
			switch m.kind {
			case kindFail:
				return c.failure(m)
			case kindWatchDone:
				if enough == nil {
					return protocolError("the watch was ended by the agent")
				}
				return enough
			case kindSeen:
				var seen Watched
				if err := c.l.unmarshal(m.body, &seen); err != nil {
					return err
				}
				if enough != nil {
					continue
				}
				if err := c.checkWatched(seen); err != nil {
					return err
				}
				if err := emit(seen); err != nil {
					if err := unwatch(err); err != nil {
						return err
					}
				}
			default:
				return protocolError("message of kind %d during a watch", m.kind)
			}
		}
	}
}

// checkWatched refuses paths and kinds that no watch can tell of.
func (c *Client) checkWatched(w Watched) error {
	for _, k := range w.Kinds {
		if _, known := c.schemas[k]; !known {
			return protocolError("a watch of resources of kind %q", k)
		}
	}
	for _, s := range w.Seen {
		if err := checkPath(s.Path); err != nil {
			return err
		}
		if s.From != "" {
			if err := checkPath(s.From); err != nil {
				return err
			}
		}
	}
	return nil
}
