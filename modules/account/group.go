package account

import (
	"context"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Group is the kind group.
type Group struct{}

var _ engine.Sourced = Group{}

// Schema implements engine.Module.
func (Group) Schema() engine.Schema {
	return engine.Schema{
		Kind:  GroupKind,
		Doc:   "A group of /etc/group with its administrators and password of /etc/gshadow.",
		Label: "name of the group",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: "gid", Type: cty.Number, Doc: "Its id; null for system groups, whose ids may differ between hosts. A new group that says none gets the next free one."},
			{Name: "system", Type: cty.Bool, Default: cty.False, Doc: "Belongs to a program, not to people: its id is below GID_MIN of login.defs."},
			{Name: "members", Type: names, Default: cty.SetValEmpty(cty.String), Doc: "Users in the group beyond those whose primary group it is."},
			{Name: "admins", Type: names, Default: cty.SetValEmpty(cty.String), Doc: "Users who may change its members (gpasswd(1))."},
			{Name: "password", Type: cty.String, Secret: true, Default: noPassword, Doc: "Hash of the password for newgrp(1); left out of a snapshot where there is none: then a follower has none either."},
		},
	}
}

// Sources implements engine.Sourced.
func (Group) Sources() []hosts.WatchRoot { return sources() }

// Read implements engine.Module.
func (m Group) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	cov := engine.Coverage{Skipped: map[string]int{}}
	f, err := load(r)
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: groupPath, Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	cov.Whole = f.group.exists
	schema := m.Schema()
	f.group.entries(func(gr []string) {
		if err != nil {
			return
		}
		if checkName(gr[grName]) != nil {
			cov.Skipped["a name that groupadd would refuse"]++
			return
		}
		var v cty.Value
		if v, err = groupValue(f, schema, s.Vault, gr); err != nil {
			return
		}
		err = emit(engine.Resource{Addr: engine.Addr{Kind: GroupKind, Name: gr[grName]}, Value: v})
	})
	return cov, err
}

func groupValue(f *files, schema engine.Schema, vault engine.Vault, gr []string) (cty.Value, error) {
	gid, err := parseID(gr[grGID])
	if err != nil {
		return cty.NilVal, err
	}
	attrs := map[string]cty.Value{
		"system":  cty.BoolVal(f.defs.systemGroup(gid)),
		"members": nameSet(gr[grMembers]),
		"admins":  nameSet(""),
	}
	if !f.defs.systemGroup(gid) {
		attrs["gid"] = number(int64(gid))
	}
	password := gr[grPassword]
	if sg, ok := f.gshadow.get(gr[grName]); ok {
		attrs["admins"] = nameSet(sg[sgAdmins])
		password = sg[sgPassword]
	}
	hash, locked := splitPassword(password)
	if locked {
		hash = "" // out of force, and nothing brings one of a group back
	}
	if attrs["password"], err = sealed(vault, hash); err != nil {
		return cty.NilVal, err
	}
	return object(schema, attrs), nil
}
