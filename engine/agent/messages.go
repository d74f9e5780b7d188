package agent

import (
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Protocol is the version of the wire. Sides of different versions do not
// talk; only the Hello must stay readable.
const Protocol = 1

// hello opens each side. What follows Schemas comes from the agent alone.
type hello struct {
	Protocol uint         `cbor:"1,keyasint"`
	Build    string       `cbor:"2,keyasint"`
	Schemas  []byte       `cbor:"3,keyasint"` // fingerprint of the schemas
	ReadOnly bool         `cbor:"4,keyasint,omitempty"`
	Facts    *hosts.Facts `cbor:"5,keyasint,omitempty"`
	HomeKey  []byte       `cbor:"6,keyasint,omitempty"` // keyCheck of the key that the host holds
	// Unfinished says that an apply was cut off on the host, and whose.
	Unfinished string `cbor:"7,keyasint,omitempty"`
}

type readRequest struct {
	Scope   engine.Scope `cbor:"1,keyasint"`
	Stamps  []byte       `cbor:"2,keyasint,omitempty"`
	HomeKey []byte       `cbor:"3,keyasint,omitempty"`
}

type readResult struct {
	Coverage map[string]engine.Coverage `cbor:"1,keyasint"`
	Stamps   []byte                     `cbor:"2,keyasint,omitempty"`
	// SystemState is that of Facts, after the read; "" where it is not known.
	SystemState string `cbor:"3,keyasint,omitempty"`
}

type fetchRequest struct {
	Contents   []hosts.Content `cbor:"1,keyasint"`
	Recipients []string        `cbor:"2,keyasint,omitempty"`
	// Unnamed are paths of files whose contents a Read has not named. They come
	// behind Contents.
	Unnamed []string `cbor:"3,keyasint,omitempty"`
}

// contentBegin opens the content at Index of what was asked for.
type contentBegin struct {
	Index uint `cbor:"1,keyasint"`
}

// contentEnd closes it. With Err the bytes before it are worth nothing.
type contentEnd struct {
	Err *wireError `cbor:"1,keyasint,omitempty"`
}

type applyBegin struct {
	Stage   engine.Stage `cbor:"1,keyasint"`
	Holder  string       `cbor:"2,keyasint"`
	HomeKey []byte       `cbor:"3,keyasint,omitempty"`
	// LoginDeadline is ApplyRequest's.
	LoginDeadline time.Duration `cbor:"4,keyasint,omitempty"`
}

type loginConfirm struct {
	Token string `cbor:"1,keyasint"`
}

type lacks struct {
	Contents []hosts.Content `cbor:"1,keyasint"`
}

type applyResult struct {
	Result engine.ApplyResult `cbor:"1,keyasint"`
	Err    *wireError         `cbor:"2,keyasint,omitempty"`
}

// wireResource is an engine.Resource without its address and range.
type wireResource struct {
	Value    []byte      `cbor:"1,keyasint,omitempty"` // see codec.marshalValue
	Node     *hosts.Node `cbor:"2,keyasint,omitempty"`
	Package  string      `cbor:"3,keyasint,omitempty"`
	Pristine *hosts.Node `cbor:"4,keyasint,omitempty"`
	After    []wireAddr  `cbor:"5,keyasint,omitempty"`
	Needs    []wireAddr  `cbor:"6,keyasint,omitempty"`
}

type wireAddr struct {
	_    struct{} `cbor:",toarray"`
	Kind string
	In   string
	Name string
}

type wireFound struct {
	Addr     wireAddr     `cbor:"1,keyasint"`
	Resource wireResource `cbor:"2,keyasint"`
}

type wireChange struct {
	Addr   wireAddr      `cbor:"1,keyasint"`
	Action engine.Action `cbor:"2,keyasint"`
	Before *wireResource `cbor:"3,keyasint,omitempty"`
	After  *wireResource `cbor:"4,keyasint,omitempty"`
	Why    string        `cbor:"5,keyasint,omitempty"`
}

func toWireAddr(a engine.Addr) wireAddr { return wireAddr{Kind: a.Kind, In: a.In, Name: a.Name} }

func (a wireAddr) addr() engine.Addr { return engine.Addr{Kind: a.Kind, In: a.In, Name: a.Name} }

func (c *codec) toWireResource(r *engine.Resource) (*wireResource, error) {
	if r == nil {
		return nil, nil
	}
	v, err := c.marshalValue(r.Value)
	if err != nil {
		return nil, err
	}
	w := &wireResource{Value: v, Node: r.Node, Package: r.Package, Pristine: r.Pristine}
	for _, a := range r.After {
		w.After = append(w.After, toWireAddr(a))
	}
	for _, a := range r.Needs {
		w.Needs = append(w.Needs, toWireAddr(a))
	}
	return w, nil
}

// resource checks w against the schema and gives it as the engine knows it.
func (c *codec) resource(a engine.Addr, w *wireResource, s engine.Schema) (*engine.Resource, error) {
	if w == nil {
		return nil, nil
	}
	for _, n := range []*hosts.Node{w.Node, w.Pristine} {
		if err := checkNode(n); err != nil {
			return nil, err
		}
	}
	v := cty.NilVal
	if len(w.Value) > 0 {
		var err error
		if v, err = c.unmarshalAttrs(w.Value, c.objectType(s)); err != nil {
			return nil, err
		}
	}
	r := &engine.Resource{Addr: a, Value: v, Node: w.Node, Package: w.Package, Pristine: w.Pristine}
	for _, after := range w.After {
		r.After = append(r.After, after.addr())
	}
	for _, needs := range w.Needs {
		r.Needs = append(r.Needs, needs.addr())
	}
	return r, nil
}
