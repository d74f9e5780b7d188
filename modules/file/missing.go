package file

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// missing adds the %config files that a package installed and somebody
// removed: that they are gone is part of what the host is.
func (rd *reading) missing(roots []string) {
	var gone []string
	for _, h := range rd.cov.Holes { // what was not seen there is not known to be gone
		rd.listed[h.Path] = false
		rd.listed[path.Dir(h.Path)] = false
	}
	for p, o := range rd.own {
		if !o.config || o.missingOK || o.pristine == nil || rd.seen[p] || !hosts.Within(p, roots) {
			continue
		}
		if _, out := rd.leftOut(p, *o.pristine); out || rd.hidden(p) {
			continue
		}
		if !rd.listed[path.Dir(p)] {
			if _, err := rd.r.Stat(p); !errors.Is(err, fs.ErrNotExist) {
				continue // behind a link or a mount: not ours to judge
			}
		}
		gone = append(gone, p)
	}
	slices.Sort(gone)
	for _, p := range gone {
		o := rd.own[p]
		rd.found = append(rd.found, engine.Resource{
			Addr: engine.Addr{Kind: Kind, Name: p}, Value: cty.NilVal,
			Node: &hosts.Node{Type: hosts.Absent}, Package: o.pkg, Pristine: o.pristine.Clone(),
		})
	}
}

// hidden reports whether a path lies where nothing was seen for its mount.
func (rd *reading) hidden(path string) bool {
	return slices.ContainsFunc(rd.cov.Holes, func(h engine.Hole) bool { return h.Mount && hosts.Within(path, []string{h.Path}) })
}
