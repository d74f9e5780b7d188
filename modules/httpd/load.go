package httpd

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
	"hikae/engine/lens/apache"
	"hikae/modules/internal/lensput"
)

// Where EL's httpd has its files: the values that it is built with.
const (
	serverRoot = "/etc/httpd"
	mainFile   = "/etc/httpd/conf/httpd.conf"
	siteDir    = "/etc/httpd/conf.d"
)

// Bounds on what one configuration may lead to.
const (
	maxFiles = 10000
	maxDepth = 128 // AP_MAX_INCLUDE_DEPTH of server/core.c
)

// config is what httpd makes of its files, read in its order.
type config struct {
	tree  engine.Tree
	diags hcl.Diagnostics

	root    string // ServerRoot, as last said
	port    string // of the main server's name
	files   map[string]*file
	order   []*file
	reads   int // files read, each as often as it is
	listens []listener
	vhosts  []*vhost
	seen    map[*lens.Node]bool // virtual hosts
	defines map[string]string
	modules map[string]bool // by both their names
	macros  map[string]*macro
	made    int      // bytes that macros made
	globs   []string // of the IncludeOptional and Include that stand in no section
	// whole: the files that EL loads modules by are there. Where they are not,
	// neither may others be: what they would say is not known.
	whole bool
	loads bool // which modules are loaded is known
}

// file is one of httpd's.
type file struct {
	*lensput.File
	byGlob bool // it is read because IncludeOptional's pattern matches it
	made   bool // no file: what a macro was used for
	within []string
}

// place is where statements stand.
type place struct {
	file   *file
	server *vhost // nil: the main server
	inner  bool   // in a section of a server: <Directory> and its kin
	own    bool   // in the block of the server itself, not in what it includes
	depth  int
	use    *hcl.Range // of the macro's use that made it
}

// load reads all that httpd does.
func load(t engine.Tree) *config {
	c := &config{tree: t, root: serverRoot, files: map[string]*file{}, defines: map[string]string{}, modules: map[string]bool{}, macros: map[string]*macro{}, seen: map[*lens.Node]bool{}}
	if loads, err := lensput.Names(t, serverRoot+"/conf.modules.d", ".conf"); err == nil {
		c.whole = len(loads) > 0
		c.loads = c.whole
	}
	c.builtin()
	f, err := c.open(mainFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c
	case err != nil:
		c.diags = append(c.diags, c.unreadable(mainFile, err, nil))
		return c
	}
	c.walk(f.Tree.Root.Nodes, place{file: f})
	c.name()
	return c
}

// open reads a file once.
func (c *config) open(p string) (*file, error) {
	real, err := engine.Resolve(c.tree, p)
	if err != nil {
		return nil, err
	}
	if f := c.files[real]; f != nil {
		return f, nil
	}
	opened, err := lensput.Open(c.tree, real, apache.Grammar())
	if err != nil {
		return nil, err
	}
	f := &file{File: opened}
	c.files[real] = f
	c.order = append(c.order, f)
	return f, nil
}

// unreadable is what comes of a file that cannot be read: httpd does not start
// without it, but what is wrong with a file that a lens may not see is not known.
func (c *config) unreadable(p string, err error, at *hcl.Range) *hcl.Diagnostic {
	severity := hcl.DiagError
	if errors.Is(err, fs.ErrPermission) {
		severity = hcl.DiagWarning
	}
	if errors.Is(err, fs.ErrNotExist) && !c.whole {
		severity = hcl.DiagWarning
	}
	d := lensput.Diag(severity, p, err, "httpd does not start without the file.")
	if _, syntax := errors.AsType[*lens.SyntaxError](err); at != nil && !syntax {
		d.Subject = at
		d.Detail = fmt.Sprintf("%s: %s", p, d.Detail)
	}
	return d
}

func (c *config) fail(at *hcl.Range, summary, detail string, args ...any) {
	c.say(hcl.DiagError, at, summary, detail, args...)
}

func (c *config) say(severity hcl.DiagnosticSeverity, at *hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: at})
}

// rangeOf is where a node is: of one that a macro made, where it is used.
func (p place) rangeOf(n *lens.Node) *hcl.Range {
	if p.use != nil {
		return p.use
	}
	return p.file.RangeOf(n.Whole)
}

// words are what a node says: variables stand for their values.
func (c *config) words(p place, n *lens.Node) []string {
	src := p.file.Source()
	words := make([]string, len(n.Words))
	for i, w := range n.Words {
		words[i] = c.resolve(apache.Text(src, w))
	}
	return words
}

// walk reads statements as httpd does.
func (c *config) walk(nodes []*lens.Node, p place) {
	for _, n := range nodes {
		if len(n.Words) > 0 {
			c.node(n, p)
		}
	}
}

func (c *config) node(n *lens.Node, p place) {
	name := apache.Fold(n.Name(p.file.Source()))
	if flaw := apache.Flaw(p.file.Source(), n); flaw != "" {
		c.fail(p.rangeOf(n), "Section cannot be read", "%s: httpd does not start.", flaw)
		return
	}
	switch {
	case apache.Conditional(p.file.Source(), n):
		if c.holds(n, p) {
			lens.Show(n)
			c.walk(n.Nodes, p)
		}
	case n.Block && name == "macro":
		c.define(n, p)
	case n.Block && name == "virtualhost":
		c.virtualHost(n, p)
	case n.Block:
		c.statement(n, p)
		p.inner = true
		c.walk(n.Nodes, p)
	default:
		c.directive(name, n, p)
	}
}

// directive takes in a line. Those that httpd obeys as it reads them it obeys
// wherever they stand.
func (c *config) directive(name string, n *lens.Node, p place) {
	words := c.words(p, n)
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch name {
	case "include", "includeoptional":
		c.include(arg(1), name == "includeoptional", n, p)
	case "use":
		c.use(words[1:], n, p)
	case "define":
		c.defines[arg(1)] = arg(2)
	case "undefine":
		delete(c.defines, arg(1))
	case "serverroot":
		c.root = path.Clean("/" + arg(1))
	case "loadmodule":
		c.loads = true
		c.loaded(arg(1), arg(2))
	case "listen":
		c.listens = append(c.listens, listenerOf(arg(1)))
	case "servername":
		if p.server == nil && !p.inner {
			_, c.port = splitName(arg(1))
		}
	}
	c.statement(n, p)
}

// statement gives a node to the server that it is of.
func (c *config) statement(n *lens.Node, p place) {
	if p.server != nil && !p.inner {
		p.server.statements = append(p.server.statements, statement{file: p.file, node: n, own: p.own && p.use == nil})
	}
}

// include reads the files that a pattern leads to, each as it comes.
func (c *config) include(pattern string, optional bool, n *lens.Node, p place) {
	at := p.rangeOf(n)
	if !path.IsAbs(pattern) {
		pattern = c.root + "/" + pattern
	}
	if p.server == nil && !p.inner {
		c.globs = append(c.globs, path.Clean(pattern))
	}
	paths, err := lensput.Glob(c.tree, pattern)
	if err != nil {
		c.diags = append(c.diags, c.unreadable(pattern, err, at))
		return
	}
	if len(paths) == 0 && !optional {
		c.diags = append(c.diags, c.unreadable(pattern, fmt.Errorf("nothing is there: %w", fs.ErrNotExist), at))
		return
	}
	parts := func(p string) []string { return strings.Split(p, "/") }
	slices.SortFunc(paths, func(a, b string) int { return slices.Compare(parts(a), parts(b)) })
	glob := optional && strings.ContainsAny(pattern, "*?[")
	for _, f := range paths {
		c.read(f, glob, at, p)
	}
}

// read reads a file that is included, or all files of a directory and of those
// in it.
func (c *config) read(name string, glob bool, at *hcl.Range, p place) {
	p.depth++
	if c.reads++; c.reads > maxFiles || p.depth > maxDepth {
		if c.reads <= maxFiles+1 {
			c.fail(at, "Includes do not end", "More than %d files are read, or includes are nested more than %d deep: one may include itself.", maxFiles, maxDepth)
		}
		c.reads = max(c.reads, maxFiles+1)
		return
	}
	real, err := engine.Resolve(c.tree, name)
	if err != nil {
		c.diags = append(c.diags, c.unreadable(name, err, at))
		return
	}
	if names, err := c.tree.ReadDir(real); err == nil {
		for _, n := range names {
			c.read(path.Join(name, n), false, at, p)
		}
		return
	}
	f, err := c.open(real)
	if err != nil {
		c.diags = append(c.diags, c.unreadable(name, err, at))
		return
	}
	f.byGlob = f.byGlob || glob
	p.file, p.own, p.use = f, false, nil
	c.walk(f.Tree.Root.Nodes, p)
}
