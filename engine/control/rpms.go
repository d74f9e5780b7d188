package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/states"
)

// rpms tells which contents of the store are the rpm files of a host's packages: by
// the package and its version, "tool 3-1.noarch".
type rpms map[string]hosts.Content

func (c *Controller) rpms(host string) (rpms, error) {
	raw, err := c.Store.Get(states.RPMs, host)
	if err != nil {
		return rpms{}, err
	}
	return decodeRPMs(host, raw)
}

func decodeRPMs(host string, raw []byte) (rpms, error) {
	known := rpms{}
	if len(raw) == 0 {
		return known, nil
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		return nil, fmt.Errorf("cannot read which rpm files of %s are kept: %w", host, err)
	}
	return known, nil
}

// rpmOf is what a package resource is called there; "" where no version is wished.
func rpmOf(r *engine.Resource) string {
	if r == nil || r.Addr.Kind != "package" || r.Value == cty.NilVal {
		return ""
	}
	v := r.Value.GetAttr("version")
	if v.IsNull() {
		return ""
	}
	return r.Addr.Name + " " + v.AsString()
}

// fromNowhere reports whether a package came from no repository that could be asked
// for it again.
func fromNowhere(r *engine.Resource) bool {
	if rpmOf(r) == "" {
		return false
	}
	repo := r.Value.GetAttr("repo")
	return !repo.IsNull() && repo.AsString() == ""
}

// KeepRPMs brings into the store the rpm files of packages that a host has
// installed, where dnf has them in its cache yet (keepcache=1): for followers
// whose repositories do not have these versions. It opens a session of its own: they
// are large, and what else is asked of the host need not wait for them.
func (c *Controller) KeepRPMs(ctx context.Context, t Target, packages []engine.Addr) error {
	conn, err := c.Connect(ctx, t)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it was only read
	scope := engine.Scope{Kinds: []string{"package"}}
	for _, a := range packages {
		scope.RPMs = append(scope.RPMs, a.Name)
	}
	found, err := c.readScope(ctx, conn, t, scope)
	if err != nil {
		return err
	}
	known, err := c.rpms(t.Name)
	if err != nil {
		return err
	}
	fresh := rpms{}
	var contents []hosts.Content
	for _, a := range packages {
		r := found.Resources[a]
		if name := rpmOf(r); name != "" && r.Node != nil && known[name] != r.Node.Content {
			fresh[name] = r.Node.Content
			contents = append(contents, r.Node.Content)
		}
	}
	failed, err := c.keepContents(ctx, conn, t.Name, contents)
	if err == nil {
		err = c.stored(ctx, contents, failed)
	}
	if err != nil {
		return err
	}
	maps.DeleteFunc(fresh, func(_ string, content hosts.Content) bool { return failed[content.ID] != nil })
	if len(fresh) == 0 {
		return nil
	}
	return c.Store.Update(states.RPMs, t.Name, func(raw []byte) ([]byte, error) { // several followers may ask
		known, err := decodeRPMs(t.Name, raw)
		if err != nil {
			return nil, err
		}
		maps.Copy(known, fresh)
		return json.Marshal(known)
	})
}

// keepLocal keeps the rpm files of the packages that came from no repository, and
// are not kept yet: once they have left dnf's cache, nobody else has them.
func (c *Controller) keepLocal(ctx context.Context, s *session, t Target) error {
	known, err := c.rpms(t.Name)
	if err != nil {
		return err
	}
	var want []engine.Addr
	for a, r := range s.actual.Resources {
		if _, have := known[rpmOf(r)]; fromNowhere(r) && !have {
			want = append(want, a)
		}
	}
	if len(want) == 0 {
		return nil
	}
	if err := c.KeepRPMs(ctx, t, want); err != nil {
		return fmt.Errorf("cannot keep the rpm files of packages of no repository: %w", err)
	}
	return nil
}

// withRPMs gives packages that are to be installed the rpm files that the store has
// of the source's: the host uses them where none of its repositories has these
// versions.
func (a *applying) withRPMs(cs []engine.Change) error {
	known, err := a.c.rpms(a.p.Target.Source)
	if err != nil || len(known) == 0 {
		return err
	}
	for i := range cs {
		after := cs[i].After
		content, have := known[rpmOf(after)]
		if !have || after.Node != nil {
			continue
		}
		with := *after
		with.Node = &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: content}
		cs[i].After = &with
	}
	return nil
}

// askRPMs asks for the rpm files of packages that the host could not get, and
// reports whether there are any now that were not there before.
func (a *applying) askRPMs(ctx context.Context) bool {
	if a.ask == nil {
		return false
	}
	var want []engine.Addr
	before, err := a.c.rpms(a.p.Target.Source)
	if err != nil {
		return false
	}
	for _, n := range a.out.HeldBack {
		r := a.p.Desired.Resources[n.Addr]
		if _, have := before[rpmOf(r)]; rpmOf(r) != "" && !have {
			want = append(want, n.Addr)
		}
	}
	ask := a.ask
	if a.ask = nil; len(want) == 0 { // once an apply
		return false
	}
	if err := ask(ctx, want); err != nil {
		a.out.Notes = append(a.out.Notes, fmt.Sprintf("cannot ask %s for rpm files: %v", a.p.Target.Source, err))
		return false
	}
	after, err := a.c.rpms(a.p.Target.Source)
	return err == nil && len(after) > len(before)
}
