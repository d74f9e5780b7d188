package engine

import "hikae/hosts"

// Desired is what a host should be.
type Desired struct {
	Resources map[Addr]*Resource
	// Pristine are the files that the source has just as their packages
	// installed them: so they should be on the host, from its own packages.
	Pristine map[Addr]*Resource
	// Held is what a standby does not do until it is promoted, with the reason.
	Held []Note
	// Left is what the source has and does not carry here, with the reason.
	Left []Note
	// Warnings are what lenses say of overlays that hold all the same, each with
	// the place where the overlay is written.
	Warnings []string
	// Inline are the contents that overlays gave, by their names.
	Inline map[hosts.ID]Inline

	source *Snapshot // nil: HCL alone says what is wished
	host   string
	rulesOf
	looks looks
	// part are the addresses that it is the wish for, and whole what it is a part
	// of; nil for all. See CompilePart.
	part  map[Addr]bool
	whole *Desired
	// said are the attributes, and "content", that overlays gave to files.
	said map[Addr]map[string]bool
	// conflicts and how merged files came about: see Rebase.
	conflicts []Conflict
	how       map[Addr]string
	// kept are the keys that stay as the host has them, and edits what lenses
	// were asked, to be asked again: see Keep.
	kept  []KeptKey
	edits []lensEdits
	bytes func(hosts.Content) ([]byte, error)
}

// lensEdits is what overlays say of a lens's kinds.
type lensEdits struct {
	lens  Lens
	edits []Edit
}

// Source is the snapshot that it was compiled from; nil where HCL alone says
// what is wished.
func (d *Desired) Source() *Snapshot { return d.source }

// silent says why it means nothing that a resource is not wished, or "": what
// the host does not take, and what the source's snapshot has not seen, is not
// gone. Nothing is ever deleted for that.
func (d *Desired) silent(a Addr, packaged bool) string {
	if d.only != nil && !d.only.match(a) {
		return "it is not among what this host takes (only)"
	}
	if d.source == nil {
		return ""
	}
	cov := d.source.Coverage[a.Kind]
	if packaged || d.source.Host == d.host {
		// What a package owns may lie where only differences are read; and a
		// tree that the host itself did not have then is gone.
		cov.Whole = true
	}
	if !cov.Covers(a) {
		return "the snapshot of " + d.source.Host + " has not seen its place"
	}
	return ""
}

// Note is an address and what is to be said of it.
type Note struct {
	Addr Addr   `json:"addr"`
	Why  string `json:"why"`
}

// Inline is a content that came with the HCL.
type Inline struct {
	Data []byte
	From string // or a file to read, where it is long
}
