package firewalld

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/xml"
	"hikae/modules/internal/lensput"
)

const suffix = ".xml"

var grammar = lens.Grammar{
	Name:  "firewalld",
	Files: []string{etcDir + "/**/*" + suffix},
	// What a file is, its outermost element says.
	Place:    func(name string) string { return path.Join(etcDir, strings.TrimSuffix(path.Base(name), suffix)+suffix) },
	Parse:    xml.Parse,
	Comments: []string{"<!--"},
}

// config is what firewalld reads.
type config struct {
	tree  engine.Tree
	found map[engine.Addr]*object
	order []engine.Addr
	files []*lensput.File
	bad   map[engine.Addr]*hcl.Diagnostic // why a file is passed over
	diags hcl.Diagnostics
}

// object is a zone, a service and so on, in its file.
type object struct {
	kind *kind
	name string
	file *lensput.File
	read xml.Reader
	root *lens.Node
	lib  bool // only /usr/lib/firewalld has it
}

// load reads the files of /etc/firewalld, and those of /usr/lib/firewalld that
// they do not hide.
func load(t engine.Tree) *config {
	c := &config{tree: t, found: map[engine.Addr]*object{}, bad: map[engine.Addr]*hcl.Diagnostic{}}
	for _, k := range kinds {
		for _, dir := range []string{etcDir, libDir} {
			dir = path.Join(dir, k.dir)
			names, err := lensput.Names(t, dir, suffix)
			if err != nil {
				c.diags = append(c.diags, lensput.Diag(hcl.DiagWarning, dir, err, "What is in it is not known."))
			}
			for _, n := range names {
				c.add(k, strings.TrimSuffix(n, suffix), path.Join(dir, n), strings.HasPrefix(dir, libDir))
			}
		}
	}
	c.others()
	return c
}

// others are the files of other sorts, which Get shows nothing of; and a file
// that somebody looks at by itself.
func (c *config) others() {
	names, _ := lensput.Names(c.tree, etcDir, suffix)
	for _, dir := range []string{"helpers", "icmptypes"} {
		inside, _ := lensput.Names(c.tree, path.Join(etcDir, dir), suffix)
		for _, n := range inside {
			names = append(names, path.Join(dir, n))
		}
	}
	for _, n := range names {
		p := path.Join(etcDir, n)
		f, err := lensput.Open(c.tree, p, grammar)
		if err != nil {
			c.diags = append(c.diags, lensput.Diag(hcl.DiagWarning, p, err, "firewalld passes over it."))
			continue
		}
		if o := objectIn(f); o.kind != nil && lensput.Lone(c.tree, p) {
			o.name = strings.TrimSuffix(n, suffix)
			c.take(o)
		} else {
			c.files = append(c.files, f)
		}
	}
}

// objectIn looks at a file's outermost element.
func objectIn(f *lensput.File) *object {
	o := &object{file: f, read: xml.NewReader(f.Tree)}
	for _, n := range f.Tree.Root.Nodes {
		if !o.read.IsElement(n) {
			continue
		}
		o.root = n
		for _, k := range kinds {
			if n.Name(f.Source()) == k.root {
				o.kind = k
			}
		}
	}
	return o
}

func (c *config) add(k *kind, name, p string, lib bool) {
	a := engine.Addr{Kind: k.name, Name: name}
	if c.found[a] != nil || c.bad[a] != nil {
		return // /etc/firewalld's hides it
	}
	f, err := lensput.Open(c.tree, p, grammar)
	if err == nil {
		if o := objectIn(f); o.kind == k {
			o.name, o.lib = name, lib
			c.take(o)
			return
		}
		err = &lens.SyntaxError{Pos: lens.Pos{Line: 1, Column: 1}, Text: fmt.Sprintf("its outermost element is to be <%s>", k.root)}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return // a link to nothing
	}
	c.bad[a] = lensput.Diag(hcl.DiagWarning, p, err, "firewalld passes over it.")
	c.diags = append(c.diags, c.bad[a])
}

func (c *config) take(o *object) {
	a := engine.Addr{Kind: o.kind.name, Name: o.name}
	c.found[a] = o
	c.order = append(c.order, a)
	c.files = append(c.files, o.file)
}
