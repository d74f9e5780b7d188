package named

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
	"hikae/engine/lens/braces"
	"hikae/modules/internal/lensput"
)

const (
	varNamed  = "/var/named"
	chrootDir = varNamed + "/chroot" // where an older EL has the files themselves
	maxFiles  = 10000
	maxDepth  = 64 // of includes in each other
)

// conf is all that named reads: named.conf, what it includes, and the zone files
// of the zones that it is primary for.
type conf struct {
	tree  engine.Tree
	root  string // what paths are below: "" or chrootDir
	lone  bool   // there is but the one file: hikae lens
	none  bool   // there is no named.conf
	diags hcl.Diagnostics

	files  []*lensput.File // in the order in which they were read first
	byPath map[string]*lensput.File
	dir    string

	options item // its node is nil where there are none
	acls    []item
	views   []*view
	zones   []*zone
	modern  bool // the files say primary, not master

	data map[string]*zoneData // by path
}

type view struct {
	item
	name  string
	stmts []item // includes followed
}

type zone struct {
	item
	view *view // nil where there are none
	name string
	// shared: it is read for several views, from one file.
	shared bool
}

// key is what names a zone: VIEW/ZONE, or ZONE where there are no views.
func (z *zone) key() string { return keyOf(z.in(), z.name) }

func (z *zone) in() string {
	if z.view == nil {
		return ""
	}
	return z.view.name
}

func keyOf(view, zone string) string {
	if view == "" {
		return zone
	}
	return view + "/" + zone
}

// load reads the configuration. Nothing is read, without an error, where there
// is none.
func load(t engine.Tree) *conf {
	c := &conf{tree: t, byPath: map[string]*lensput.File{}, dir: "/", data: map[string]*zoneData{}}
	if names, err := t.ReadDir("/etc"); err == nil {
		c.lone = slices.Equal(names, []string{path.Base(confFile)})
	}
	f, err := c.open(confFile)
	if errors.Is(err, fs.ErrNotExist) {
		c.root = chrootDir
		f, err = c.open(confFile)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.root, c.none = "", true
		return c
	case err != nil:
		c.cannot(f, confFile, err, hcl.DiagError, "named would not start.")
		return c
	}
	c.top(f, f.Tree.Root, 0)
	c.twins()
	return c
}

// open reads a file by its path as named has it, once.
func (c *conf) open(p string) (*lensput.File, error) {
	return c.openBy(p, grammar())
}

func (c *conf) openBy(p string, g lens.Grammar) (*lensput.File, error) {
	real, err := engine.Resolve(c.tree, path.Join("/", c.root, p))
	if err != nil {
		return nil, err
	}
	if f := c.byPath[real]; f != nil {
		return f, nil
	}
	if len(c.byPath) == maxFiles {
		return nil, fmt.Errorf("there are more than %d files", maxFiles)
	}
	f, err := lensput.Open(c.tree, real, g)
	if err == nil {
		c.files = append(c.files, f)
		c.byPath[real] = f
	}
	return f, err
}

// cannot tells that a file cannot be read.
func (c *conf) cannot(f *lensput.File, p string, err error, severity hcl.DiagnosticSeverity, then string) {
	if f != nil {
		p = f.Path
	}
	if errors.Is(err, fs.ErrPermission) { // a secret: it is not to be read here
		severity, then = hcl.DiagWarning, "What stands in it is not shown."
	}
	c.tell(lensput.Diag(severity, p, err, then))
}

// tell adds a diagnostic, once: statements are read more than once.
func (c *conf) tell(d *hcl.Diagnostic) {
	for _, have := range c.diags {
		if have.Detail == d.Detail && *have.Subject == *d.Subject {
			return
		}
	}
	c.diags = append(c.diags, d)
}

// included are the files that an include leads to. What they include of
// themselves is read no more than maxDepth deep.
func (c *conf) included(i item, depth int) []*lensput.File {
	p := i.word(1)
	if !path.IsAbs(p) {
		p = path.Join(c.dir, p)
	}
	paths := []string{p}
	if strings.ContainsAny(p, "*?[") {
		found, err := lensput.Glob(c.tree, path.Join("/", c.root, p))
		if err == nil && len(found) > 0 {
			paths = found
			for n := range paths {
				paths[n] = strings.TrimPrefix(paths[n], c.root)
			}
		}
	}
	var files []*lensput.File
	for _, p := range paths {
		f, err := c.open(p)
		switch {
		case err == nil && depth < maxDepth:
			files = append(files, f)
			continue
		case err == nil:
			err = errors.New("files include each other without an end")
		case errors.Is(err, fs.ErrPermission):
			c.cannot(nil, p, err, hcl.DiagWarning, "")
			continue
		}
		severity := hcl.DiagError
		if c.lone && errors.Is(err, fs.ErrNotExist) {
			severity = hcl.DiagWarning
		}
		if _, ok := errors.AsType[*lens.SyntaxError](err); ok {
			c.cannot(f, p, err, severity, "named would not start.")
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("it is not there")
		}
		c.tell(&hcl.Diagnostic{
			Severity: severity, Summary: "Included file cannot be read",
			Detail: fmt.Sprintf("%s: %s. named would not start.", p, err), Subject: i.file.RangeOf(i.node.Whole),
		})
	}
	return files
}

// each goes through the statements of a block, those of included files in the
// place of the include.
func (c *conf) each(f *lensput.File, n *lens.Node, depth int, do func(item)) {
	for _, s := range n.Nodes {
		i := item{f, s}
		if statement(i.src(), s) != "include" {
			do(i)
			continue
		}
		lens.Show(s)
		for _, inner := range c.included(i, depth) {
			c.each(inner, inner.Tree.Root, depth+1, do)
		}
	}
}

// top reads the statements of named.conf.
func (c *conf) top(f *lensput.File, n *lens.Node, depth int) {
	c.each(f, n, depth, func(i item) {
		switch statement(i.src(), i.node) {
		case "options":
			if i.node.Block && c.options.node == nil {
				c.options = i
				if d := c.first(c.statements(i), "directory"); d.node != nil {
					c.dir = path.Join("/", d.word(1))
				}
			}
		case "acl":
			if i.node.Block && len(i.node.Words) == 2 {
				c.acls = append(c.acls, i)
			}
		case "view":
			if i.node.Block && len(i.node.Words) >= 2 {
				v := &view{item: i, name: i.word(1)}
				c.views = append(c.views, v)
				c.each(i.file, i.node, depth, func(s item) {
					if statement(s.src(), s.node) == "zone" {
						c.zone(s, v)
						return
					}
					v.stmts = append(v.stmts, s)
				})
			}
		case "zone":
			c.zone(i, nil)
		case "masters":
			// what all versions know
		case "primaries":
			c.modern = true
		}
	})
}

func (c *conf) zone(i item, v *view) {
	if !i.node.Block || len(i.node.Words) < 2 || len(i.node.Words) > 2 && !strings.EqualFold(i.word(2), "in") {
		return
	}
	c.zones = append(c.zones, &zone{item: i, view: v, name: zoneName(i.word(1))})
	if c.modern {
		return
	}
	for _, s := range i.node.Nodes {
		switch name := statement(i.src(), s); {
		case name == "primaries":
			c.modern = true
		case name == "type" && len(s.Words) == 2:
			typ := strings.ToLower(s.Word(i.src(), 1))
			c.modern = typ == "primary" || typ == "secondary"
		}
	}
}

// twins finds the zones that stand in a file that is included more than once.
func (c *conf) twins() {
	first := make(map[*lens.Node]*zone, len(c.zones))
	for _, z := range c.zones {
		if f := first[z.node]; f != nil {
			f.shared, z.shared = true, true
			continue
		}
		first[z.node] = z
	}
}

// zoneName is a zone's name in the one form that it is known by.
func zoneName(name string) string {
	name = strings.ToLower(name)
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// statements are those of a block, includes followed.
func (c *conf) statements(i item) []item {
	var all []item
	c.each(i.file, i.node, 0, func(s item) { all = append(all, s) })
	return all
}

// first is the first statement of a name.
func (c *conf) first(stmts []item, name string) item {
	for _, s := range stmts {
		if statement(s.src(), s.node) == name {
			return s
		}
	}
	return item{}
}

// of is the statement of a setting; its node is nil where there is none.
func (c *conf) of(stmts []item, s *setting) item {
	i := c.first(stmts, s.name)
	if i.node == nil && s.alias != "" {
		i = c.first(stmts, s.alias)
	}
	return i
}

// text is a text of a statement's first argument, "" where there is none.
func (c *conf) text(stmts []item, name string) string {
	i := c.first(stmts, name)
	if i.node == nil || len(i.node.Words) < 2 {
		return ""
	}
	return braces.Named.Unquote(i.node.Word(i.src(), 1))
}
