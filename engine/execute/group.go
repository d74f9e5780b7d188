package execute

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
)

// group is what changes together or not at all: files, the units that read
// them, and what is to become of those units.
type group struct {
	files    []engine.Change
	services []engine.Change
	units    []engine.Unit // known daemons whose files change
	unitFile []string      // units whose own unit file or drop-ins change
	lived    []string      // units that lived on the new files in a rehearsal, and die at once of what they cannot live with
}

// loose reports whether nothing connects the group's members: no daemon reads
// the files, no file makes the units, and each stands for itself.
func (g *group) loose() bool { return len(g.units)+len(g.unitFile) == 0 && !g.unitsChange() }

// unitGoes reports whether a unit of the group is taken out of service before
// its files are changed.
func (g *group) unitGoes() bool {
	return slices.ContainsFunc(g.services, func(c engine.Change) bool { return c.After == nil })
}

// String names a group in few words.
func (g *group) String() string {
	var names []string
	for _, c := range slices.Concat(g.files, g.services) {
		names = append(names, c.Addr.Name)
	}
	if n := len(names); n > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n-3)
	}
	return strings.Join(names, ", ")
}

// unitsChange reports whether systemd has to read its unit files again.
func (g *group) unitsChange() bool {
	return slices.ContainsFunc(g.files, func(c engine.Change) bool { return strings.HasPrefix(c.Addr.Name, unitDir) })
}

const unitDir = "/etc/systemd/system/"

// groupChanges divides changes into connected groups: two files that one unit
// reads are in one group, and so is that unit's own change. Files that no known
// unit reads come first, and services alone last: loose, as nothing joins them.
func groupChanges(files, services []engine.Change, units []engine.Unit) []*group {
	byUnit := map[string]*group{}
	var order []*group
	rest, alone := &group{}, &group{}

	join := func(names []string) *group {
		var g *group
		for _, n := range names {
			switch other := byUnit[n]; {
			case other == nil:
			case g == nil:
				g = other
			case other != g: // one more file connects two groups
				g.files = append(g.files, other.files...)
				other.files = nil
				for k, v := range byUnit {
					if v == other {
						byUnit[k] = g
					}
				}
			}
		}
		if g == nil {
			g = &group{}
			order = append(order, g)
		}
		for _, n := range names {
			byUnit[n] = g
		}
		return g
	}

	read := newReaders(units)
	for _, c := range files {
		readers := read.of(c.Addr.Name)
		if len(readers) == 0 && strings.HasPrefix(c.Addr.Name, unitDir) {
			readers = []string{unitDir} // a mount or a slice: systemd reads it
		}
		if len(readers) == 0 {
			rest.files = append(rest.files, c)
			continue
		}
		g := join(readers)
		g.files = append(g.files, c)
	}
	for _, c := range services {
		g := byUnit[c.Addr.Name]
		if g == nil && slices.ContainsFunc(units, func(u engine.Unit) bool { return u.Name == c.Addr.Name }) {
			g = join([]string{c.Addr.Name}) // a known daemon, of which no file changes
		}
		if g == nil {
			g = alone
		}
		g.services = append(g.services, c)
	}
	for name, g := range byUnit {
		if i := slices.IndexFunc(units, func(u engine.Unit) bool { return u.Name == name }); i >= 0 {
			g.units = append(g.units, units[i])
		}
	}

	groups := append([]*group{rest}, order...) // one that went into another is empty now
	groups = append(groups, alone)
	for _, g := range groups {
		slices.SortFunc(g.units, func(a, b engine.Unit) int { return strings.Compare(a.Name, b.Name) })
		g.nameUnitFiles()
	}
	return slices.DeleteFunc(groups, func(g *group) bool { return len(g.files)+len(g.services) == 0 })
}

// nameUnitFiles notes the units whose own unit file or drop-ins change.
func (g *group) nameUnitFiles() {
	for _, c := range g.files {
		if u := unitOfFile(c.Addr.Name); u != "" && !slices.Contains(g.unitFile, u) {
			g.unitFile = append(g.unitFile, u)
		}
	}
}

// readers tells which units read a path.
type readers struct {
	units []string
	reads []*rules.Set // of the unit at the same place
}

func newReaders(units []engine.Unit) *readers {
	r := &readers{}
	for _, u := range units {
		var rs []rules.Rule
		for _, pattern := range u.Reads {
			rs = append(rs, rules.Rule{Pattern: pattern})
		}
		set, err := rules.NewSet(rs...)
		if err != nil { // what does not compile matches nothing
			rs = slices.DeleteFunc(rs, func(one rules.Rule) bool { return rules.Validate(one.Pattern) != nil })
			set, _ = rules.NewSet(rs...)
		}
		r.units, r.reads = append(r.units, u.Name), append(r.reads, set)
	}
	return r
}

func (r *readers) of(p string) []string {
	var names []string
	for i, set := range r.reads {
		if _, ok := set.Match(p); ok {
			names = append(names, r.units[i])
		}
	}
	if u := unitOfFile(p); u != "" && !slices.Contains(names, u) {
		names = append(names, u)
	}
	return names
}

// unitOfFile is the unit that a unit file or a drop-in below
// /etc/systemd/system makes: x.service of both x.service and x.service.d/y.conf.
func unitOfFile(p string) string {
	rest, ok := strings.CutPrefix(p, unitDir)
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	first = strings.TrimSuffix(first, ".d")
	switch path.Ext(first) {
	case ".service", ".timer", ".socket", ".path", ".target":
		return first
	}
	return ""
}
