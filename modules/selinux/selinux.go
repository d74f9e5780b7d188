// Package selinux is what a host has changed of SELinux's policy: the kinds
// "selinux_module", "selinux_boolean", "selinux_port" and "selinux_fcontext".
//
// They are the intent; the policy, its file contexts and all that semodule
// derives from both are the target's own, and are left out of a snapshot. What
// the distribution's packages brought is none of it: only local customisations
// are read, from the policy store's own files (semanage(8), libsemanage's
// *.local), without running a program. The mode (enforcing or not) is the host's
// own.
//
// All changes are made by semanage import, which rebuilds the policy once for
// the lot and makes all of them or none; in two such runs where types are named
// that only modules among them bring. They are applied with the packages, before
// any file is, since files are labelled by them.
package selinux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// The kinds.
const (
	ModuleKind   = "selinux_module"
	BooleanKind  = "selinux_boolean"
	PortKind     = "selinux_port"
	FcontextKind = "selinux_fcontext"
)

// Names of attributes that several kinds have.
const (
	attrType  = "type"
	attrLevel = "level"
)

// kind is the Module of one kind.
type kind struct {
	schema engine.Schema
	// read emits what the store has; what cannot be carried is in the notes.
	read func(st *store, s engine.Scope, emit func(engine.Resource) error) (notes []string, err error)
	// plan turns changes of the kind into commands.
	plan func(ctx context.Context, b *batch, cs []engine.Change) error
}

var (
	_ engine.Joint   = (*kind)(nil)
	_ engine.Sourced = (*kind)(nil)
)

// kinds lists the kinds in the order of an apply.
func kinds() []*kind { return []*kind{moduleKind(), booleanKind(), portKind(), fcontextKind()} }

// Modules returns the modules of all four kinds.
func Modules() []engine.Module {
	var ms []engine.Module
	for _, k := range kinds() {
		ms = append(ms, k)
	}
	return ms
}

// Schema describes the kind.
func (k *kind) Schema() engine.Schema { return k.schema }

// Together implements engine.Joint.
func (k *kind) Together() string { return "selinux" }

// Sources implements engine.Sourced. The distribution's own modules, some four
// hundred directories, are not read.
func (k *kind) Sources() []hosts.WatchRoot {
	return []hosts.WatchRoot{
		{Path: storeDir, Tree: true, Exclude: []string{storeDir + "/*/active/modules/100", storeDir + "/*/tmp"}},
		{Path: etcDir, Tree: true, Exclude: []string{etcDir + "/*/tmp"}},
		{Path: packagedDir, Tree: true},
	}
}

// Read emits the local customisations of the kind.
func (k *kind) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	var cov engine.Coverage
	st, err := openStore(r)
	if errors.Is(err, fs.ErrNotExist) {
		return cov, nil // no policy: nothing was seen
	}
	var failed error
	if err == nil {
		cov.Notes, err = k.read(st, s, func(res engine.Resource) error {
			failed = emit(res)
			return failed
		})
	}
	if failed != nil {
		return cov, failed
	}
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: st.dir, Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	cov.Whole = len(cov.Notes) == 0
	return cov, nil
}

// Apply makes the changes of all kinds of this package that are given.
func (k *kind) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	st, err := openStore(h)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: SELinux has no policy here, or is switched off", engine.ErrRefused)
	}
	if err != nil {
		return err
	}
	b := &batch{host: h, store: st, job: job}
	for _, k := range kinds() {
		var mine []engine.Change
		for _, c := range job.Changes {
			if c.Addr.Kind == k.schema.Kind {
				mine = append(mine, c)
			}
		}
		if len(mine) == 0 {
			continue
		}
		if err := k.plan(ctx, b, mine); err != nil {
			return errors.Join(err, b.tidy(ctx))
		}
	}
	return errors.Join(b.run(ctx), b.tidy(ctx))
}

// text gives a string attribute, "" where nothing is said.
func text(r *engine.Resource, name string) string {
	if r == nil || r.Value == cty.NilVal {
		return ""
	}
	if v := r.Value.GetAttr(name); !v.IsNull() {
		return v.AsString()
	}
	return ""
}

func optional(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

// refused is an error in what a change asks for.
func refused(a engine.Addr, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", engine.ErrRefused, a, fmt.Errorf(format, args...))
}
