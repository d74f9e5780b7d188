package rpmdb

import "fmt"

// A Dep is one dependency: a name, and for most a comparison with a version.
type Dep struct {
	Name    string
	Flags   DepFlags
	Version string // [epoch:]version[-release]; "" when any will do
}

// DepFlags are rpmsenseFlags_e of rpm's rpmds.h. Only those that people ask for are named.
type DepFlags uint32

const (
	DepLess    DepFlags = 1 << 1
	DepGreater DepFlags = 1 << 2
	DepEqual   DepFlags = 1 << 3

	DepScriptPre    DepFlags = 1 << 9 // needed by %pre
	DepScriptPost   DepFlags = 1 << 10
	DepScriptPreun  DepFlags = 1 << 11
	DepScriptPostun DepFlags = 1 << 12
	DepRPMLib       DepFlags = 1 << 24 // a feature of rpm itself, rpmlib(…)
	DepConfig       DepFlags = 1 << 28 // config(name)
)

// String is the dependency as rpm -q --requires prints it.
func (d Dep) String() string {
	op := ""
	if d.Flags&DepLess != 0 {
		op += "<"
	}
	if d.Flags&DepGreater != 0 {
		op += ">"
	}
	if d.Flags&DepEqual != 0 {
		op += "="
	}
	if op == "" || d.Version == "" {
		return d.Name
	}
	return d.Name + " " + op + " " + d.Version
}

// A DepKind is a relation between packages.
type DepKind int

const (
	Requires DepKind = iota
	Provides
	Conflicts
	Obsoletes
	Recommends
)

var depTags = [...]struct{ name, flags, version uint32 }{
	Requires:   {tagRequireName, tagRequireFlags, tagRequireVersion},
	Provides:   {tagProvideName, tagProvideFlags, tagProvideVersion},
	Conflicts:  {tagConflictName, tagConflictFlags, tagConflictVersion},
	Obsoletes:  {tagObsoleteName, tagObsoleteFlags, tagObsoleteVersion},
	Recommends: {tagRecommendName, tagRecommendFlags, tagRecommendVer},
}

// Deps returns the package's dependencies of a kind, in the order of its header.
func (p *Package) Deps(kind DepKind) ([]Dep, error) {
	deps, err := p.deps(kind)
	if err != nil {
		return nil, fmt.Errorf("cannot read the dependencies of %s: %w", p.NEVRA(), err)
	}
	return deps, nil
}

func (p *Package) deps(kind DepKind) ([]Dep, error) {
	tags := depTags[kind]
	names, err := p.header.strs(tags.name)
	if err != nil || names.len() == 0 {
		return nil, err
	}
	versions, err := p.header.strs(tags.version)
	if err != nil {
		return nil, err
	}
	flags, err := p.header.uint32s(tags.flags)
	if err != nil {
		return nil, err
	}
	n := names.len()
	if n > len(names.rest) || versions.len() != 0 && versions.len() != n || flags.len() != 0 && flags.len() != n {
		return nil, tagError(tags.name, fmt.Sprintf("has %d items, with %d versions and %d flags", n, versions.len(), flags.len()))
	}
	deps := make([]Dep, n)
	for i := range deps {
		d := &deps[i]
		if d.Name, err = names.next(); err != nil {
			return nil, err
		}
		if versions.len() > 0 {
			if d.Version, err = versions.next(); err != nil {
				return nil, err
			}
		}
		if flags.len() > 0 {
			d.Flags = DepFlags(flags.at(i))
		}
	}
	return deps, nil
}
