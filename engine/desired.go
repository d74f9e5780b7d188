package engine

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Rank orders the layers that make up a host's desired state: a higher one
// wins. The same attribute twice at one rank is an error.
type Rank int

// The ranks, lowest first.
const (
	RankSnapshot Rank = iota
	RankRole
	RankHost
)

// Patch is what an overlay says of one resource.
type Patch struct {
	Addr   Addr
	Rank   Rank
	Absent bool // the resource is to be removed
	// Attrs are the attributes written, converted to the schema's types; null
	// means the package's default. Node attributes go by their names in the
	// language: mode, owner, group, acl, default_acl, xattrs, caps, label,
	// link, type; bytes are in Content.
	Attrs map[string]cty.Value
	// Content is the bytes given by content or source; nil where neither was.
	Content []byte
	// ContentFrom is a file to stream the bytes from where they were not
	// loaded (source over 1 MiB); "" otherwise.
	ContentFrom string

	Range  hcl.Range            // of the block
	Ranges map[string]hcl.Range // of each attribute
}
