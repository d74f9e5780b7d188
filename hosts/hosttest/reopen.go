package hosttest

import "hikae/hosts/local"

// Reopen forgets what the host's process knew, as a new agent after a crash
// does: what is on disk, and what was Set, stays.
func (h *Host) Reopen() {
	h.tb.Helper()
	l, err := local.New(local.Options{Root: h.Root})
	if err != nil {
		h.tb.Fatal(err)
	}
	h.Host = l
	h.tb.Cleanup(func() { _ = l.Close() })
}
