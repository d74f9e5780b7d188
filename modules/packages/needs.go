package packages

import (
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts/rpmdb"
)

// needsOf tells, by label, which other packages each could not do without: those
// that alone have something that it requires. Of what several have, none is needed;
// nor is it told of conditions ("(a if b)"), which dnf judges when it comes to it.
func needsOf(byLabel map[string][]*rpmdb.Package) map[string][]engine.Addr {
	required := make(map[string][]rpmdb.Dep, len(byLabel)) // by label
	files := map[string]bool{}                             // those that are required by their path
	for l, versions := range byLabel {
		var all []rpmdb.Dep
		for _, p := range versions {
			deps, err := p.Deps(rpmdb.Requires)
			if err != nil {
				continue // it is told of nothing then
			}
			deps = slices.DeleteFunc(deps, func(d rpmdb.Dep) bool {
				return d.Flags&rpmdb.DepRPMLib != 0 || strings.HasPrefix(d.Name, "(")
			})
			if all == nil {
				all = deps
			} else {
				all = append(all, deps...)
			}
		}
		for _, d := range all {
			if strings.HasPrefix(d.Name, "/") {
				files[d.Name] = true
			}
		}
		required[l] = all
	}
	has := providers(byLabel, files)
	needs := make(map[string][]engine.Addr, len(byLabel))
	var found []string
	for l, deps := range required {
		found = found[:0]
		for _, d := range deps {
			if by := only(has[d.Name], d); by != "" && by != l {
				found = append(found, by)
			}
		}
		slices.Sort(found)
		for _, by := range slices.Compact(found) {
			needs[l] = append(needs[l], engine.Addr{Kind: Kind, Name: by})
		}
	}
	return needs
}

// provided is what a package has.
type provided struct {
	label string
	dep   rpmdb.Dep
}

// providers lists what is provided, by its name: what packages say, and the files
// that are asked for.
func providers(byLabel map[string][]*rpmdb.Package, files map[string]bool) map[string][]provided {
	has := map[string][]provided{}
	dirs := map[string]bool{}
	for f := range files {
		dirs[f[:strings.LastIndexByte(f, '/')+1]] = true
	}
	for l, versions := range byLabel {
		for _, p := range versions {
			deps, err := p.Deps(rpmdb.Provides)
			if err == nil {
				for _, d := range deps {
					has[d.Name] = append(has[d.Name], provided{l, d})
				}
			}
			in, err := p.FilesIn(func(dir string) bool { return dirs[dir] })
			if err != nil {
				continue
			}
			for i := range in {
				if files[in[i].Path] {
					has[in[i].Path] = append(has[in[i].Path], provided{label: l})
				}
			}
		}
	}
	return has
}

// only is the label of the one package that has what is required; "" where none
// has, or several.
func only(has []provided, want rpmdb.Dep) string {
	by := ""
	for _, p := range has {
		if p.label != by && satisfies(p.dep, want) {
			if by != "" {
				return ""
			}
			by = p.label
		}
	}
	return by
}

const compared = rpmdb.DepLess | rpmdb.DepEqual | rpmdb.DepGreater

// satisfies reports whether what is provided is in the range that is required:
// rpmdsCompare of rpm's lib/rpmds.c, for what provides name one version.
func satisfies(have, want rpmdb.Dep) bool {
	if have.Flags&compared == 0 || want.Flags&compared == 0 || have.Version == "" || want.Version == "" {
		return true
	}
	a, err := rpmdb.ParseEVR(have.Version)
	if err != nil {
		return true
	}
	b, err := rpmdb.ParseEVR(want.Version)
	if err != nil {
		return true
	}
	switch c := a.Compare(b); {
	case c < 0:
		return want.Flags&rpmdb.DepLess != 0 || have.Flags&rpmdb.DepGreater != 0
	case c > 0:
		return want.Flags&rpmdb.DepGreater != 0 || have.Flags&rpmdb.DepLess != 0
	}
	return have.Flags&want.Flags&compared != 0
}
