package file

import (
	"slices"

	"hikae/hosts"
)

// Laid implements engine.Transaction: what is made ready, then what is to go,
// children before parents.
func (t *transaction) Laid() []hosts.Laid {
	var laid []hosts.Laid
	for _, s := range t.steps {
		if s.staged != nil {
			laid = append(laid, hosts.Laid{Path: s.Addr.Name, From: s.staged.Path()})
		}
	}
	for _, s := range slices.Backward(t.steps) {
		if wanted(s.Change).Type == hosts.Absent {
			laid = append(laid, hosts.Laid{Path: s.Addr.Name})
		}
	}
	return laid
}
