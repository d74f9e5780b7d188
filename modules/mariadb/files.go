package mariadb

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

const (
	mainFile = "/etc/my.cnf"
	confDir  = "/etc/my.cnf.d"
	suffix   = ".cnf"
	newFile  = confDir + "/hikae" + suffix

	maxDepth = 10 // of includes: MariaDB's own bound
	maxFiles = 10000
)

func grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "my-cnf",
		Files:    []string{mainFile, confDir + "/*" + suffix},
		Place:    func(string) string { return mainFile },
		Parse:    ini.ParseMyCnf,
		Comments: []string{"#", ";"},
		Fold:     ini.MyCnfKey,
	}
}

// option is one setting of a group, where it is written.
type option struct {
	file        *lensput.File
	group, node *lens.Node
}

// written is its value as written, and whether it has one.
func (o option) written() (string, bool) {
	return o.node.Word(o.file.Source(), 1), len(o.node.Words) > 1
}

// address is a group and a key in it.
type address struct{ group, key string }

// config is what MariaDB's programs read: /etc/my.cnf and what it includes.
type config struct {
	tree    engine.Tree
	files   []*lensput.File
	order   []address // in the order in which they come first
	options map[address][]option
	dirs    map[string]bool // those that an !includedir names
	diags   hcl.Diagnostics
	seen    map[string]bool
}

// load reads the files in MariaDB's order. A group that comes several times goes
// on, and of several settings of one option the last one holds.
func load(t engine.Tree) *config {
	c := &config{tree: t, options: map[address][]option{}, dirs: map[string]bool{}, seen: map[string]bool{}}
	f, err := c.open(mainFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		c.tell(hcl.DiagWarning, mainFile, err, "Its settings are not shown.")
	case err != nil:
		c.tell(hcl.DiagError, mainFile, err, "MariaDB does not start with it.")
	case f != nil:
		c.read(f, 0)
	}
	return c
}

func (c *config) tell(severity hcl.DiagnosticSeverity, file string, err error, then string) {
	c.diags = append(c.diags, lensput.Diag(severity, file, err, then))
}

// open reads a file, once: nil where it was read before, or MariaDB ignores it.
func (c *config) open(p string) (*lensput.File, error) {
	f, err := lensput.Open(c.tree, p, grammar())
	if err != nil || c.seen[f.Path] {
		return nil, err
	}
	c.seen[f.Path] = true
	if n, err := c.tree.Stat(f.Path); err == nil && n.Type == hosts.File && n.Mode&0o002 != 0 {
		c.tell(hcl.DiagWarning, f.Path, errors.New("everybody may write it"), "MariaDB ignores it.")
		return nil, nil
	}
	return f, nil
}

// read takes in a file's options and follows its includes where they stand.
func (c *config) read(f *lensput.File, depth int) {
	c.files = append(c.files, f)
	src := f.Source()
	for _, n := range f.Tree.Root.Nodes {
		if !n.Block {
			c.include(f, n, depth)
			continue
		}
		group := n.Name(src)
		for _, s := range n.Nodes {
			switch {
			case len(s.Words) == 0:
			case strings.HasPrefix(s.Name(src), "!"):
				c.include(f, s, depth)
			default:
				a := address{group, ini.MyCnfKey(s.Name(src))}
				if c.options[a] == nil {
					c.order = append(c.order, a)
				}
				c.options[a] = append(c.options[a], option{f, n, s})
			}
		}
	}
}

func (c *config) include(f *lensput.File, n *lens.Node, depth int) {
	if len(n.Words) != 2 {
		return
	}
	lens.Show(n)
	target := n.Word(f.Source(), 1)
	dir := strings.HasSuffix(n.Name(f.Source()), "includedir")
	switch {
	case !path.IsAbs(target):
		c.at(f, n, hcl.DiagWarning, "%q is a path from where the program was started: what it includes is not known.", target)
	case depth == maxDepth:
		c.at(f, n, hcl.DiagWarning, "MariaDB follows no more than %d includes within each other.", maxDepth)
	case !dir:
		c.included(path.Clean(target), depth)
	default:
		c.directory(f, n, path.Clean(target), depth)
	}
}

func (c *config) at(f *lensput.File, n *lens.Node, severity hcl.DiagnosticSeverity, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: severity, Summary: "Include is not followed",
		Detail: fmt.Sprintf(detail, args...), Subject: f.RangeOf(n.Whole)})
}

// included reads one file that another names. What is wrong in it, or that it is
// not there, keeps no program from starting.
func (c *config) included(p string, depth int) {
	if len(c.seen) >= maxFiles {
		c.tell(hcl.DiagError, p, fmt.Errorf("more than %d files are included", maxFiles), "It is not read.")
		return
	}
	f, err := c.open(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		c.tell(hcl.DiagWarning, p, err, "MariaDB passes over the rest of it; none of its settings are shown.")
	case f != nil:
		c.read(f, depth+1)
	}
}

// directory reads the *.cnf of a directory, in the order of their names.
func (c *config) directory(f *lensput.File, n *lens.Node, dir string, depth int) {
	real, err := engine.Resolve(c.tree, dir)
	var names []string
	if err == nil {
		names, err = c.tree.ReadDir(real)
	}
	switch {
	case err != nil && c.alone():
		c.at(f, n, hcl.DiagWarning, "%s is not there. MariaDB would not start without it.", dir)
		return
	case err != nil:
		c.at(f, n, hcl.DiagError, "%s cannot be read: %s. MariaDB does not start without it.", dir, err)
		return
	}
	c.dirs[dir] = true
	for _, name := range names {
		if path.Ext(name) == suffix {
			c.included(path.Join(dir, name), depth)
		}
	}
}

// alone tells whether the tree is one file that somebody looks at.
func (c *config) alone() bool {
	names, err := c.tree.ReadDir("/etc")
	return err == nil && len(names) == 1
}
