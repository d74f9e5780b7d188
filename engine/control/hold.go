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
}

// Hold holds a host.
func (c *Controller) Hold(host string, until time.Time) error {
	raw, err := json.Marshal(Hold{Since: now(), Until: until.UTC(), By: c.Holder})
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
