package postfix

import (
	"errors"
	"io/fs"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
)

// config is all that the lens reads of a tree.
type config struct {
	tree         engine.Tree
	main, master *lensput.File   // nil where there is none
	tables       []*table        // in the order in which they are named
	secret       map[string]bool // tables of passwords, which are not read
	unread       map[string]bool // files that are there and cannot be read
}

func load(t engine.Tree) (*config, hcl.Diagnostics) {
	c := &config{tree: t, unread: map[string]bool{}}
	var diags hcl.Diagnostics
	open := func(p string, g lens.Grammar) *lensput.File {
		f, err := lensput.Open(t, p, g)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission):
			c.unread[p] = true
			diags = append(diags, lensput.Diag(hcl.DiagWarning, p, err, "What it sets is not known."))
		case err != nil:
			diags = append(diags, lensput.Diag(hcl.DiagError, p, err, "Postfix would not take it."))
		default:
			return f
		}
		return nil
	}
	c.main = open(mainPath, postfix.Main())
	c.master = open(masterPath, postfix.Master())
	return c, append(diags, c.loadTables()...)
}

// files are all that were read.
func (c *config) files() []*lensput.File {
	var files []*lensput.File
	for _, f := range []*lensput.File{c.main, c.master} {
		if f != nil {
			files = append(files, f)
		}
	}
	for _, t := range c.tables {
		if t.file != nil {
			files = append(files, t.file)
		}
	}
	return files
}

// set is the node that sets a parameter: of several the last.
func (c *config) set(name string) *lens.Node {
	all := c.settings(name)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// settings are all nodes that set a parameter.
func (c *config) settings(name string) []*lens.Node {
	if c.main == nil {
		return nil
	}
	return c.main.Tree.Root.Named(c.main.Source(), name)
}
