package sysctl

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

// Where an administrator sets kernel parameters: sysctl.d(5).
const (
	dir      = "/etc/sysctl.d"
	suffix   = ".conf"
	mainFile = "/etc/sysctl.conf"
)

// entry is one assignment.
type entry struct {
	file *lensput.File
	node *lens.Node
}

func (e entry) value() lens.Span { return e.node.Words[1] }

// grammar is that of the files of parameters.
func grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "sysctl",
		Files:    []string{mainFile, dir + "/*" + suffix},
		Place:    func(name string) string { return path.Join(dir, strings.TrimSuffix(name, suffix)+suffix) },
		Parse:    ini.ParseSysctl,
		Comments: []string{"#", ";"},
		Fold:     canonical,
	}
}

// config is all assignments, by key, in the order in which they are made: of
// several the last one holds.
type config struct {
	files   []*lensput.File
	entries map[string][]entry
}

// load reads the files in the order of their names, and sysctl.conf last,
// where nothing in the directory leads to it. What the kernel's tools pass over
// with a warning is passed over with one.
func load(t engine.Tree) (*config, hcl.Diagnostics) {
	c := &config{entries: map[string][]entry{}}
	var diags hcl.Diagnostics
	names, err := lensput.Names(t, dir, suffix)
	if err != nil {
		return c, append(diags, lensput.Diag(hcl.DiagError, dir, err, "What is set there is not known."))
	}
	paths := make([]string, 0, len(names)+1)
	for _, n := range names {
		paths = append(paths, path.Join(dir, n))
	}
	seen := map[string]bool{}
	for _, p := range append(paths, mainFile) {
		f, err := lensput.Open(t, p, grammar())
		if errors.Is(err, fs.ErrNotExist) {
			continue // a link to /dev/null hides a package's file of that name
		}
		if err != nil {
			diags = append(diags, lensput.Diag(hcl.DiagError, p, err, "What is set there is not known."))
			continue
		}
		if !seen[f.Path] {
			seen[f.Path] = true
			diags = append(diags, c.add(f)...)
		}
	}
	return c, diags
}

func (c *config) add(f *lensput.File) hcl.Diagnostics {
	c.files = append(c.files, f)
	entries, diags := parse(f)
	for _, e := range entries {
		c.entries[e.key] = append(c.entries[e.key], e.entry)
	}
	return diags
}

type keyed struct {
	key string
	entry
}

// parse finds the assignments of a file. A - before a key says that it may fail;
// a line of one alone takes keys out of a later pattern.
func parse(f *lensput.File) ([]keyed, hcl.Diagnostics) {
	src := f.Source()
	var found []keyed
	var diags hcl.Diagnostics
	for _, n := range f.Tree.Root.Nodes {
		if len(n.Words) == 1 && strings.HasPrefix(n.Name(src), "-") {
			continue
		}
		key := canonical(strings.TrimPrefix(n.Name(src), "-"))
		if len(n.Words) < 2 || !keyForm().MatchString(key) {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Line passed over",
				Detail: "This sets no kernel parameter: want KEY = VALUE.", Subject: f.RangeOf(n.Whole)})
			continue
		}
		found = append(found, keyed{key, entry{f, n}})
	}
	return found, diags
}

// keyForm is what a key looks like; * and kin stand for several.
var keyForm = engine.Form(`^[A-Za-z0-9_*?\[\]][A-Za-z0-9_:@*?\[\]!^/-]*(\.[A-Za-z0-9_:@*?\[\]!^/-]+)+$`)

// canonical is a key in the form with dots. Where the first separator is a
// slash, slashes part and dots are part of a name: sysctl.d(5).
func canonical(key string) string {
	if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '/' {
		return strings.Map(func(r rune) rune {
			switch r {
			case '/':
				return '.'
			case '.':
				return '/'
			}
			return r
		}, key)
	}
	return key
}

// procPath is the file of a key.
func procPath(key string) string {
	return "/proc/sys/" + strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return '.'
		case '.':
			return '/'
		}
		return r
	}, key)
}
