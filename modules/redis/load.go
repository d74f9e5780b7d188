package redis

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/redis"
	"hikae/modules/internal/lensput"
)

// The places of redis.conf: of EL 8, and of EL 9 on.
const (
	conf8 = "/etc/redis.conf"
	conf9 = "/etc/redis/redis.conf"
)

// Bounds of what includes lead to; redis has none.
const (
	maxFiles = 10000
	maxDepth = 64
)

var grammar = lens.Grammar{
	Name:     "redis",
	Files:    []string{conf8, "/etc/redis/*.conf"},
	Place:    func(string) string { return conf8 },
	Parse:    redis.Parse,
	Comments: []string{"#"},
	Fold:     strings.ToLower,
}

// config is what redis reads, in its order.
type config struct {
	tree  engine.Tree
	main  string
	files []*lensput.File
	lines map[string][]*directive
	order []string
	dir   string // that redis is in by now: relative paths begin there
	diags hcl.Diagnostics
}

// directive is one line.
type directive struct {
	file *lensput.File
	node *lens.Node
	args []string
}

// load reads redis.conf and what it includes, in place, as redis does.
func load(t engine.Tree) *config {
	c := &config{tree: t, lines: map[string][]*directive{}, dir: "/", main: conf8}
	if _, err := engine.Resolve(t, conf9); err == nil {
		if _, err := engine.Resolve(t, conf8); err != nil || !strings.HasPrefix(t.Facts().VersionID, "8") {
			c.main = conf9
		}
	} else if v := t.Facts().VersionID; v != "" && !strings.HasPrefix(v, "8") {
		if _, err := engine.Resolve(t, conf8); err != nil {
			c.main = conf9 // where a new one would be
		}
	}
	if _, err := engine.Resolve(t, c.main); !errors.Is(err, fs.ErrNotExist) {
		c.read(c.main, nil, nil)
	}
	return c
}

// read reads a file that an include led to, at a place; above are the files
// that are being read.
func (c *config) read(p string, from *hcl.Range, above []string) {
	f, err := lensput.Open(c.tree, p, grammar)
	switch {
	case errors.Is(err, fs.ErrPermission):
		c.warn(&hcl.Range{Filename: p, Start: hcl.InitialPos, End: hcl.InitialPos}, "Settings are not known", p+" holds a password, so that the controller has not read it.")
		return
	case errors.Is(err, fs.ErrNotExist) && from != nil:
		severity := hcl.DiagError
		if lensput.Lone(c.tree, c.main) {
			severity = hcl.DiagWarning
		}
		c.diags = append(c.diags, &hcl.Diagnostic{Severity: severity, Summary: "Included file is missing",
			Detail: "redis does not start: " + p + " is not there.", Subject: from})
		return
	case err != nil:
		c.diags = append(c.diags, lensput.Diag(hcl.DiagError, p, err, "redis does not start with it."))
		return
	}
	c.files = append(c.files, f)
	if len(c.files) > maxFiles || len(above) > maxDepth {
		c.fail(from, "redis.conf includes too much", "More than %d files, or %d one in another.", maxFiles, maxDepth)
		return
	}
	for _, n := range f.Tree.Root.Nodes {
		d := &directive{file: f, node: n}
		for i := range n.Words[1:] {
			d.args = append(d.args, redis.Unquote(n.Word(f.Source(), i+1)))
		}
		name := canonical(redis.Unquote(n.Name(f.Source())))
		if c.lines[name] == nil {
			c.order = append(c.order, name)
		}
		c.lines[name] = append(c.lines[name], d)
		switch {
		case len(d.args) == 0:
			c.warn(f.RangeOf(n.Whole), "Setting without a value", "redis does not start: "+name+" says nothing.")
		case name == "dir" && len(d.args) == 1:
			c.dir = c.abs(d.args[0])
		case name == "include" && len(d.args) == 1:
			c.include(d, append(above, f.Path))
		}
	}
}

func (c *config) abs(p string) string {
	if !path.IsAbs(p) {
		p = path.Join(c.dir, p)
	}
	return p
}

// include follows one. Patterns are from redis 7 on; one that matches nothing
// is no error, a file that is not there is.
func (c *config) include(d *directive, above []string) {
	rng := d.file.RangeOf(d.node.Whole)
	p := c.abs(d.args[0])
	found := []string{p}
	if strings.ContainsAny(p, "*?[") {
		var err error
		if found, err = lensput.Glob(c.tree, p); err != nil {
			c.fail(rng, "Files cannot be included", "%s: %s.", p, err)
			return
		}
	}
	for _, p := range found {
		real, err := engine.Resolve(c.tree, p)
		if err == nil && contains(above, real) {
			c.fail(rng, "A file includes itself", "redis does not start: %s is being read already.", real)
			continue
		}
		if len(c.files) > maxFiles {
			return
		}
		c.read(p, rng, above)
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

func (c *config) fail(rng *hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng})
}

func (c *config) warn(rng *hcl.Range, summary, detail string) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: rng})
}
