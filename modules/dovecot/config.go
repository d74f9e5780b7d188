package dovecot

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	grammar "hikae/engine/lens/dovecot"
	"hikae/modules/internal/lensput"
)

// config is what dovecot reads, put together.
type config struct {
	lensput.Opened
	tree     engine.Tree
	top      *block
	patterns []string // absolute, of the includes that are in no block
	diags    hcl.Diagnostics

	open     []string // the files that are being read, by the paths they were opened at
	included int
	bytes    int
	stopped  bool // at a bound
}

// Bounds of what is read: a file may be included often.
const (
	maxIncluded = 10000
	maxBytes    = 256 << 20
	maxDepth    = 50 // of blocks in blocks; dovecot has three
)

// place is where a part of a block is written: a block of a file, or all of a
// file that is included in it.
type place struct {
	file *lensput.File
	body *lens.Node
}

// src is the file's bytes.
func (p place) src() []byte { return p.file.Source() }

// block is a block of the configuration, which may be written in several parts.
type block struct {
	in, id string // as in an address: what it is in, and its type and name
	typ    string
	parent *block
	depth  int
	parts  []place

	settings map[string][]place // by name, in the order in which they are read; body is the statement
	blocks   map[string]*block
	order    []entry        // of both, as they come first
	unnamed  map[string]int // by type, how many there are
}

// entry is a setting by its name or a block by its id.
type entry struct {
	name  string
	block bool
}

// path is the address's In of what is in the block.
func (b *block) path() string { return joined(b.in, b.id) }

// load reads dovecot.conf and what it includes.
func load(t engine.Tree) *config {
	c := &config{tree: t, top: &block{}}
	if _, err := engine.Resolve(t, grammar.Main); errors.Is(err, fs.ErrNotExist) {
		return c
	}
	c.file(grammar.Main, c.top, nil)
	return c
}

// file reads a file into a block. from is what includes it, if anything does.
func (c *config) file(name string, into *block, from *hcl.Range) {
	f, err := c.Open(c.tree, name, grammar.Grammar())
	switch {
	case errors.Is(err, fs.ErrPermission): // a secret, which dovecot can read
		c.warn(from, "File is not looked at", "%s is kept from this view: %s.", name, err)
		return
	case err != nil:
		d := lensput.Diag(hcl.DiagError, name, err, "dovecot does not start with it.")
		c.diags = append(c.diags, d)
		return
	}
	c.bytes += len(f.Source())
	c.open = append(c.open, name)
	c.body(place{f, f.Tree.Root}, into)
	c.open = c.open[:len(c.open)-1]
}

// body takes in what stands in a part of a block.
func (c *config) body(p place, b *block) {
	b.parts = append(b.parts, p)
	src := p.src()
	for _, n := range p.body.Nodes {
		at := place{p.file, n}
		switch {
		case len(n.Words) == 0: // dovecot forgets it
		case n.Block:
			if inner := b.inner(grammar.Key(n, src), grammar.Name(n, src)); inner != nil {
				c.body(at, inner)
			}
		case grammar.IsInclude(n, src):
			c.include(at, b)
		default:
			b.set(grammar.Key(n, src), at)
		}
	}
}

// set notes a setting.
func (b *block) set(name string, at place) {
	if b.settings == nil {
		b.settings = map[string][]place{}
	}
	if b.settings[name] == nil {
		b.order = append(b.order, entry{name, false})
	}
	b.settings[name] = append(b.settings[name], at)
}

// inner is the block of a type and a name in b, made where it is not there; nil
// for one that no address names.
func (b *block) inner(typ, name string) *block {
	id := typ
	switch {
	case name != "":
		id += " " + name
	case numbered(typ):
		if b.unnamed == nil {
			b.unnamed = map[string]int{}
		}
		b.unnamed[typ]++
		id += fmt.Sprintf(" #%d", b.unnamed[typ])
	}
	if t, _, ok := parseID(id); !ok || b.depth == maxDepth || t != typ || strings.HasPrefix(name, "#") {
		return nil
	}
	if b.blocks[id] == nil {
		if b.blocks == nil {
			b.blocks = map[string]*block{}
		}
		b.blocks[id] = &block{in: b.path(), id: id, typ: typ, parent: b, depth: b.depth + 1}
		b.order = append(b.order, entry{id, true})
	}
	return b.blocks[id]
}

// include follows an include as settings_include does: relative to the file that
// it stands in, the files sorted.
func (c *config) include(at place, b *block) {
	src, rng := at.src(), at.file.RangeOf(at.body.Whole)
	try := at.body.Name(src) == "!include_try"
	pattern := grammar.Raw(at.body, src)
	if !path.IsAbs(pattern) {
		pattern = path.Join(path.Dir(c.open[len(c.open)-1]), pattern)
	}
	if b == c.top {
		c.patterns = append(c.patterns, pattern)
	}
	names, err := c.glob(pattern)
	switch {
	case err != nil:
		c.fault(rng, try, "Include cannot be followed", "%s: %s.", pattern, err)
	case len(names) == 0:
		if !try {
			c.fault(rng, false, "Nothing to include", "No file is at %s.", pattern)
		}
	default:
		lens.Show(at.body)
	}
	for _, name := range names {
		if slices.Contains(c.open, name) {
			c.fault(rng, false, "Include of itself", "%s is being read already.", name)
			continue
		}
		if c.included++; c.included > maxIncluded || c.bytes > maxBytes {
			if !c.stopped {
				c.warn(rng, "Too many includes", "%s and what is included behind it is not looked at.", name)
			}
			c.stopped = true
			return
		}
		c.file(name, b, rng)
	}
}

// glob lists the paths of a pattern, whose braces are alternatives.
func (c *config) glob(pattern string) ([]string, error) {
	var names []string
	alternatives, err := braces(pattern)
	for _, p := range alternatives {
		found, err := lensput.Glob(c.tree, p)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, err
}

// maxBraces bounds the alternatives of a pattern.
const maxBraces = 1000

// braces resolves the first braces of a pattern, then those of what comes of it.
func braces(pattern string) ([]string, error) {
	done, todo := []string(nil), []string{pattern}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		end := strings.IndexByte(p, '}')
		start := strings.LastIndexByte(p[:max(end, 0)], '{')
		if start < 0 {
			done = append(done, p)
			continue
		}
		var more []string
		for part := range strings.SplitSeq(p[start+1:end], ",") {
			more = append(more, p[:start]+part+p[end+1:])
		}
		if todo = append(more, todo...); len(done)+len(todo) > maxBraces {
			return nil, errors.New("its braces have too many alternatives")
		}
	}
	return done, nil
}

// fault tells what keeps dovecot from starting: of a file that is shown alone,
// which says nothing of that, a warning.
func (c *config) fault(rng *hcl.Range, passes bool, summary, detail string, args ...any) {
	if passes || lensput.Lone(c.tree, grammar.Main) {
		c.warn(rng, summary, detail, args...)
		return
	}
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary,
		Detail: fmt.Sprintf(detail, args...) + " dovecot does not start with it.", Subject: rng})
}

func (c *config) warn(rng *hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng})
}
