package control

import (
	"encoding/json"
	"fmt"
	"slices"

	"hikae/engine"
	"hikae/states"
)

// begun is what an apply was to make on a host, recorded before it begins and
// forgotten when Base has what it made. Where it is found, the apply was cut
// off: the agent or the controller was killed, the link or the power failed.
//
// Base then is what the host shows: what is now as that apply was to make it,
// and was not before (else it would have been no change), is hikae's; what is
// not was never made, or was put back. That is right whoever of the two died,
// and when, since it rests on two things only: what was meant is on the
// controller's disk before the host is touched, and the host is read again
// before Base is used. No message has to arrive, and the host keeps nothing for
// the controller. A change whose surroundings could not be read stays.
type begun []begunChange

type begunChange struct {
	Kind   string      `json:"kind"`
	In     []byte      `json:"in,omitempty"` // raw bytes
	Name   []byte      `json:"name"`
	Delete bool        `json:"delete,omitempty"`
	Wish   engine.Wish `json:"wish"`
}

func (b begunChange) addr() engine.Addr {
	return engine.Addr{Kind: b.Kind, In: string(b.In), Name: string(b.Name)}
}

// begun reads what was not ended; nil for nothing.
func (c *Controller) begun(host string) (begun, error) {
	raw, err := c.Store.Get(states.Begun, host)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	var b begun
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("cannot read what an apply to %s had begun: %w", host, err)
	}
	return b, nil
}

// begin records changes that are about to be made.
func (c *Controller) begin(p *Planned, cs []engine.Change) error {
	raw, err := json.Marshal(slices.Concat(p.begun, begunOf(cs, c.Schemas)))
	if err != nil {
		return err
	}
	return c.Store.Set(states.Begun, p.Target.Name, raw)
}

func begunOf(cs []engine.Change, schemas []engine.Schema) begun {
	byKind := engine.ByKind(schemas)
	var out begun
	for _, ch := range cs {
		b := begunChange{Kind: ch.Addr.Kind, In: []byte(ch.Addr.In), Name: []byte(ch.Addr.Name), Delete: ch.After == nil || ch.Action == engine.Delete}
		if !b.Delete {
			b.Wish = engine.WishOf(ch.After, byKind[ch.Addr.Kind])
		}
		out = append(out, b)
	}
	return out
}

// settle brings Base up to what the host shows, and returns what it does not
// show.
func (b begun) settle(base engine.Base, act *engine.Actual, schemas []engine.Schema) begun {
	byKind := engine.ByKind(schemas)
	var open begun
	for _, ch := range b {
		a := ch.addr()
		r, s := act.Resources[a], byKind[a.Kind]
		switch {
		case !act.Coverage[a.Kind].Covers(a):
			open = append(open, ch)
		case ch.Delete && engine.IsAbsent(r):
			delete(base, a)
		case ch.Delete && !s.Node:
			// An entry of several tables may be gone from one and not yet from the
			// next (a user without its shadow): it is not as hikae left it, and yet
			// what remains is hikae's to remove. A path goes at once or not at all.
			if _, ours := base[a]; ours {
				base[a] = engine.FingerprintOf(r, s)
			}
		case !ch.Delete && ch.Wish.Met(r, s):
			base[a] = engine.FingerprintOf(r, s)
		}
	}
	return open
}

// keepBase stores Base, and then that nothing is begun but what is still open.
func (c *Controller) keepBase(p *Planned) error {
	if err := c.Store.Set(states.Base, p.Target.Name, p.base.Encode()); err != nil {
		return err
	}
	var raw []byte
	if len(p.begun) > 0 {
		var err error
		if raw, err = json.Marshal(p.begun); err != nil {
			return err
		}
	}
	return c.Store.Set(states.Begun, p.Target.Name, raw)
}
