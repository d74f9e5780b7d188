package control

import (
	"encoding/json"
	"fmt"
	"time"

	"hikae/states"
)

// Hold keeps all that follows by itself from a host: files, packages, mirrors.
// A person's apply is not held.
type Hold struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: until it is released
	By    string    `json:"by"`
	// Span is of one that was said to last for so long, not until a time.
	Span *span `json:"span,omitempty"`
}

// Hold holds a host until a time; zero is until it is released.
func (c *Controller) Hold(host string, until time.Time) error {
	return c.hold(host, Hold{Until: until.UTC()})
}

// HoldFor holds a host for so long, wherever the clock is set meanwhile. It returns
// when that ends, as the clock is now.
func (c *Controller) HoldFor(host string, lasts time.Duration) (until time.Time, err error) {
	until = time.Now().Add(lasts).UTC().Truncate(time.Second)
	return until, c.hold(host, Hold{Until: until, Span: spanOf(lasts)})
}

func (c *Controller) hold(host string, h Hold) error {
	h.Since, h.By = now(), c.Holder
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return c.Store.Set(states.Hold, host, raw)
}

// Release ends a hold; it reports whether there was one.
func (c *Controller) Release(host string) (bool, error) {
	h, err := c.Held(host)
	if err != nil || h == nil {
		return false, err
	}
	return true, c.Store.Set(states.Hold, host, nil)
}

// Held is the hold of a host; nil for none, or one that is over.
func (c *Controller) Held(host string) (*Hold, error) {
	raw, err := c.Store.Get(states.Hold, host)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	var h Hold
	if err := json.Unmarshal(raw, &h); err != nil {
		return nil, fmt.Errorf("cannot read the hold of %s: %w", host, err)
	}
	if left, is := h.Span.left(); is {
		// A clock that was set shows another time when it ends.
		if until := time.Now().Add(left); until.Sub(h.Until).Abs() > 5*time.Second {
			h.Until = until.UTC().Truncate(time.Second)
		}
		if left <= 0 {
			return nil, nil
		}
		return &h, nil
	}
	if !h.Until.IsZero() && time.Now().After(h.Until) {
		return nil, nil
	}
	return &h, nil
}

// Allow lets pass on a host, once, what is over its budget, or what else an alarm
// has stopped.
func (c *Controller) Allow(host string) error {
	return c.Store.Set(states.Allow, host, []byte(time.Now().UTC().Format(time.RFC3339Nano)))
}

// Allowed is when a person last said so; zero for never.
func (c *Controller) Allowed(host string) (time.Time, error) {
	raw, err := c.Store.Get(states.Allow, host)
	if err != nil || len(raw) == 0 {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, string(raw))
	if err != nil {
		return at, fmt.Errorf("cannot read what was allowed on %s: %w", host, err)
	}
	return at, nil
}
