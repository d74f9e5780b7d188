package postfix

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// maxEntries is how many entries of one table are shown; of more, none.
const maxEntries = 1000

// table is a text that Postfix looks things up in.
type table struct {
	path    string
	alias   bool
	file    *lensput.File // nil where it cannot be read
	entries []*entry      // each name once: the first, which postmap(1) keeps
	byName  map[string][]*entry
}

// entry is one line of a table.
type entry struct {
	node *lens.Node
	name string
	text string      // of a table
	to   []lens.Span // of aliases
}

// usual are the tables that there are where no main.cf says otherwise: a table
// alone is read by them.
var usual = []string{"/etc/postfix/virtual"}

// loadTables reads the tables that main.cf and master.cf name, and aliases.
func (c *config) loadTables() hcl.Diagnostics {
	c.secret = map[string]bool{}
	var named []string
	at := map[string]*hcl.Range{}
	alias := map[string]bool{aliasesPath: true}
	for _, r := range postfix.Refs(treeOf(c.main), treeOf(c.master)) {
		f := c.main
		if r.Master {
			f = c.master
		}
		c.secret[r.Path] = c.secret[r.Path] || r.Password()
		alias[r.Path] = alias[r.Path] || r.Alias()
		if at[r.Path] == nil {
			named, at[r.Path] = append(named, r.Path), f.RangeOf(r.Node.Whole)
		}
	}
	if c.main == nil {
		named = append(named, usual...)
	}
	if at[aliasesPath] == nil {
		named = append(named, aliasesPath)
	}
	var diags hcl.Diagnostics
	for _, p := range named {
		if c.secret[p] {
			continue
		}
		if d := c.loadTable(p, alias[p], at[p]); d != nil {
			diags = append(diags, d)
		}
	}
	return diags
}

func (c *config) loadTable(p string, alias bool, where *hcl.Range) *hcl.Diagnostic {
	t := &table{path: p, alias: alias, byName: map[string][]*entry{}}
	g := postfix.Table()
	if alias {
		g = postfix.Aliases()
	}
	if real, err := engine.Resolve(c.tree, p); err == nil {
		if n, err := c.tree.Stat(real); err == nil && n.Type == hosts.Dir {
			return nil // the beginning of a table's name, put together elsewhere
		}
	}
	f, err := lensput.Open(c.tree, p, g)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// What lies elsewhere is nobody's to know here: a program writes it.
		if where == nil || !strings.HasPrefix(p, "/etc/") {
			return nil
		}
		c.tables = append(c.tables, t)
		if c.main == nil || c.master == nil { // one of the two alone: no table is there
			return nil
		}
		return &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Table is missing", Subject: where,
			Detail: fmt.Sprintf("%s is named here and is not there: Postfix puts off mail for which it would look there.", p)}
	case err != nil:
		c.unread[p] = true
		return lensput.Diag(hcl.DiagWarning, p, err, "Its entries are not known.")
	}
	t.file = f
	t.read()
	c.tables = append(c.tables, t)
	return nil
}

// read gathers the entries.
func (t *table) read() {
	src := t.file.Source()
	for _, n := range t.file.Tree.Root.Nodes {
		if !utf8.Valid(src[n.Whole.Start:n.Whole.End]) {
			continue
		}
		e := &entry{node: n}
		if t.alias {
			if e.to = postfix.Targets(src, n); len(e.to) == 0 {
				continue
			}
			e.name = postfix.Text(src, n.Words[0])
		} else {
			var ok bool
			if e.name, e.text, ok = postfix.Entry(src, n); !ok {
				continue
			}
		}
		key := folded(e.name)
		if t.byName[key] == nil {
			t.entries = append(t.entries, e)
		}
		t.byName[key] = append(t.byName[key], e)
	}
}

// folded is a key as it is looked up: postmap(1) and postalias(1) fold it.
func folded(key string) string { return strings.ToLower(key) }

func treeOf(f *lensput.File) *lens.File {
	if f == nil {
		return nil
	}
	return f.Tree
}

func (t *table) addr(name string) engine.Addr {
	switch {
	case !t.alias:
		return engine.Addr{Kind: KindMap, In: t.path, Name: name}
	case t.path == aliasesPath:
		return engine.Addr{Kind: KindAlias, Name: name}
	}
	return engine.Addr{Kind: KindAlias, In: t.path, Name: name}
}

func (t *table) value(e *entry) cty.Value {
	if !t.alias {
		return value(cty.StringVal(e.text))
	}
	return value(lensput.Strings(t.targets(e)))
}

func (t *table) targets(e *entry) []string {
	var texts []string
	for _, s := range e.to {
		texts = append(texts, postfix.Text(t.file.Source(), s))
	}
	return texts
}

// resources shows the entries; none of a table that has very many.
func (t *table) resources() ([]engine.Resource, hcl.Diagnostics) {
	if len(t.entries) > maxEntries {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagWarning, Summary: "Table is not shown", Subject: t.file.RangeOf(t.entries[0].node.Whole),
			Detail: fmt.Sprintf("%s has %d entries: of a table with more than %d none is shown.", t.path, len(t.entries), maxEntries)}}
	}
	var resources []engine.Resource
	for _, e := range t.entries {
		lens.Show(e.node)
		resources = append(resources, engine.Resource{Addr: t.addr(e.name), Value: t.value(e), Range: *t.file.RangeOf(e.node.Whole)})
	}
	return resources, nil
}
