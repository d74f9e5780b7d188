package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// apart leaves open, of what a user is to be, the ranges of subordinate ids
// that another account of this host has: on each host useradd gave them out by
// itself, and what runs under them must not be two people's. The plan says so
// until one of the two has others.
func (p *planner) apart(want *Resource) *Resource {
	if want.Addr.Kind != "user" || want.Value == cty.NilVal {
		return want
	}
	have := p.actual.Resources[want.Addr]
	for _, name := range []string{"subuid", "subgid"} {
		v := attr(want, name)
		if v.IsNull() || have != nil && v.RawEquals(attr(have, name)) {
			continue
		}
		other, ranges := p.holder(want.Addr, name, idRanges(v))
		if other == "" {
			continue
		}
		attrs := want.Value.AsValueMap()
		attrs[name] = cty.NullVal(v.Type())
		open := *want
		open.Value = cty.ObjectVal(attrs)
		want = &open
		p.Left = append(p.Left, Note{want.Addr, fmt.Sprintf("its %s is not carried: on this host %s are %s's; give one of the two others, with %s in an overlay", name, ranges, other, name)})
	}
	return want
}

// holder finds another account that has ids of the ranges, by what the host
// will be after the plan.
func (p *planner) holder(of Addr, name string, ranges [][2]uint64) (account, text string) {
	for _, a := range sortedAddrs(p.actual.Resources) {
		if a.Kind != of.Kind || a == of {
			continue
		}
		r := p.actual.Resources[a]
		if d := p.desired.at(a); d != nil && !attr(d, name).IsNull() {
			r = d
		}
		for _, o := range idRanges(attr(r, name)) {
			for _, mine := range ranges {
				if mine[0] < o[0]+o[1] && o[0] < mine[0]+mine[1] {
					return a.Name, fmt.Sprintf("%d to %d", o[0], o[0]+o[1]-1)
				}
			}
		}
	}
	return "", ""
}

// idRanges reads START:COUNT; what is not so is refused by who applies it.
func idRanges(v cty.Value) [][2]uint64 {
	var ranges [][2]uint64
	if v.IsNull() || !v.IsWhollyKnown() || !v.CanIterateElements() {
		return nil
	}
	for _, s := range v.AsValueSlice() {
		start, count, _ := strings.Cut(s.AsString(), ":")
		a, err := strconv.ParseUint(start, 10, 32)
		n, err2 := strconv.ParseUint(count, 10, 32)
		if err == nil && err2 == nil {
			ranges = append(ranges, [2]uint64{a, n})
		}
	}
	return ranges
}
