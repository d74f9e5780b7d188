package packages

import (
	"maps"
	"slices"

	"hikae/hosts/rpmdb"
)

// reasons tells which packages are there on purpose.
//
// As for dnf (libdnf's filter "userinstalled"), a package is when dnf did not
// install it for the need, or at the recommendation, of another. Where dnf
// does not know, because the package was installed with rpm, it is when no
// other installed package requires it.
type reasons struct {
	hist   *history
	needed map[*rpmdb.Package]bool // of those that dnf does not know
}

func newReasons(hist *history, all []*rpmdb.Package) (reasons, error) {
	r := reasons{hist: hist}
	var unknown []*rpmdb.Package
	for _, p := range all {
		if hist.reason(p) == reasonUnknown && !p.IsKey() {
			unknown = append(unknown, p)
		}
	}
	if len(unknown) == 0 {
		return r, nil
	}
	var err error
	r.needed, err = neededBy(all, unknown)
	return r, err
}

func (r reasons) asked(p *rpmdb.Package) bool {
	switch r.hist.reason(p) {
	case reasonUnknown:
		return !r.needed[p]
	case reasonDependency, reasonWeakDependency:
		return false
	}
	return true
}

// neededBy finds those of the candidates that another package requires, by
// any name that they provide or by one of their files.
func neededBy(all, candidates []*rpmdb.Package) (map[*rpmdb.Package]bool, error) {
	wants := map[string]requirers{}
	for _, p := range all {
		deps, err := p.Deps(rpmdb.Requires)
		if err != nil {
			return nil, err
		}
		for _, d := range deps {
			wants[d.Name] = wants[d.Name].with(p)
		}
	}
	needed := map[*rpmdb.Package]bool{}
	for _, p := range candidates {
		provides, err := p.Deps(rpmdb.Provides)
		if err != nil {
			return nil, err
		}
		needed[p] = wants[p.Name].other(p) ||
			slices.ContainsFunc(provides, func(d rpmdb.Dep) bool { return wants[d.Name].other(p) })
		if needed[p] {
			continue
		}
		paths, err := p.Paths()
		if err != nil {
			return nil, err
		}
		needed[p] = slices.ContainsFunc(paths, func(path string) bool { return wants[path].other(p) })
	}
	return needed, nil
}

// requirers is who requires a name: one package, or several.
type requirers struct {
	first *rpmdb.Package
	more  bool
}

func (r requirers) with(p *rpmdb.Package) requirers {
	if r.first == nil {
		return requirers{first: p}
	}
	return requirers{first: r.first, more: r.more || r.first != p}
}

// other tells whether a package other than p is among them.
func (r requirers) other(p *rpmdb.Package) bool { return r.more || r.first != nil && r.first != p }

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
