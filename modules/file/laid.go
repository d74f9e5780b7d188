package file

import (
	"slices"

	"hikae/hosts"
)

// Laid implements engine.Transaction: what comes, parents before children; then
// what goes, children before parents; then what takes a directory's place.
func (t *transaction) Laid() []hosts.Laid {
	var laid, rest []hosts.Laid
	come := true
	for _, s := range t.order() {
		l := hosts.Laid{Path: s.Path}
		if s.staged != nil {
			l.From = s.staged.Path()
		}
		if come = come && s.New.Type != hosts.Absent && (s.Old.Type != hosts.Dir || s.New.Type == hosts.Dir); come {
			laid = append(laid, l)
		} else {
			rest = append(rest, l)
		}
	}
	slices.Reverse(laid)
	return append(laid, rest...)
}
