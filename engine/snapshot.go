package engine

import (
	"maps"
	"slices"
	"time"

	"hikae/hosts"
)

// Snapshot is what a host was when it was read.
type Snapshot struct {
	Host  string // its name in the project
	Taken time.Time
	Facts hosts.Facts
	// Version is that of the hikae that took it, "" where it did not say.
	Version string
	// Resources in the order of their addresses. Pristine files are among
	// them (Resource.IsPristine): their bytes are what a follower may need.
	Resources []Resource
	Coverage  map[string]Coverage // by kind
}

// Unseen is a snapshot as if some of it had not been seen, and why: what it says of
// these is nothing, and so they are not gone either.
func (s *Snapshot) Unseen(addrs []Addr, why string) *Snapshot {
	if len(addrs) == 0 {
		return s
	}
	out, is := *s, map[Addr]bool{}
	out.Coverage = maps.Clone(s.Coverage)
	for _, a := range addrs {
		is[a] = true
		cov := out.Coverage[a.Kind]
		cov.Holes = append(slices.Clone(cov.Holes), Hole{Path: a.Name, Err: why})
		out.Coverage[a.Kind] = cov
	}
	out.Resources = slices.DeleteFunc(slices.Clone(s.Resources), func(r Resource) bool { return is[r.Addr] })
	return &out
}
