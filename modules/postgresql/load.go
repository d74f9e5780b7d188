package postgresql

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postgresql"
	"hikae/modules/internal/lensput"
)

// home is where EL's clusters are: in data, or, of the project's own packages,
// in VERSION/data.
const home = "/var/lib/pgsql"

// Bounds: PostgreSQL's own of how deep files include each other, and one of how
// many.
const (
	maxDepth = 10
	maxFiles = 10000
)

var conf = lens.Grammar{
	Name:     "postgresql",
	Files:    []string{home + "/{data,*/data}/postgresql{,.auto}.conf"},
	Place:    func(string) string { return home + "/data/postgresql.conf" },
	Parse:    postgresql.Parse,
	Comments: []string{"#"},
	Fold:     strings.ToLower,
}

var hba = lens.Grammar{
	Name:     "pg-hba",
	Files:    []string{home + "/{data,*/data}/pg_hba.conf"},
	Place:    func(string) string { return home + "/data/pg_hba.conf" },
	Parse:    postgresql.ParseHBA,
	Comments: []string{"#"},
	Joined:   true,
}

// cluster is what PostgreSQL reads of one.
type cluster struct {
	tree  engine.Tree
	dir   string
	files []*lensput.File
	main  *lensput.File // postgresql.conf
	lines map[string][]*setting
	auto  map[string]bool // what postgresql.auto.conf sets

	hba   *lensput.File
	rules []*rule
	named map[string]*rule

	diags hcl.Diagnostics
}

// setting is a line of postgresql.conf or of what that includes.
type setting struct {
	file *lensput.File
	node *lens.Node
}

func (s *setting) word() string { return s.node.Word(s.file.Source(), 1) }
func (s *setting) says() string { return postgresql.Unquote(s.word()) }

// load reads the cluster that a tree has.
func load(t engine.Tree) *cluster {
	c := &cluster{tree: t, dir: home + "/data", lines: map[string][]*setting{}, auto: map[string]bool{}, named: map[string]*rule{}}
	if versions, err := lensput.Glob(t, home+"/*/data"); err == nil && len(versions) > 0 {
		if _, err := engine.Resolve(t, c.dir); err != nil {
			c.dir = slices.MaxFunc(versions, compareVersions)
		}
	}
	c.conf(path.Join(c.dir, "postgresql.conf"), nil, nil)
	if f, err := lensput.Open(t, path.Join(c.dir, "postgresql.auto.conf"), conf); err == nil {
		c.files = append(c.files, f)
		for _, n := range f.Tree.Root.Nodes {
			c.auto[strings.ToLower(n.Name(f.Source()))] = true
		}
	}
	file := path.Join(c.dir, "pg_hba.conf")
	if set := c.lines["hba_file"]; len(set) > 0 {
		file = c.abs(set[len(set)-1].says(), c.dir)
	}
	c.readHBA(file, nil, nil)
	return c
}

// compareVersions orders the directories of clusters by their major versions.
func compareVersions(a, b string) int {
	major := func(dir string) int {
		first, _, _ := strings.Cut(path.Base(path.Dir(dir)), ".")
		n, err := strconv.Atoi(first)
		if err != nil {
			return -1
		}
		return n
	}
	return cmp.Or(cmp.Compare(major(a), major(b)), strings.Compare(a, b))
}

func (*cluster) abs(p, dir string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}

// open reads a file that something includes; nil where there is nothing to go
// on with.
func (c *cluster) open(p string, g lens.Grammar, from *hcl.Range, above []string) *lensput.File {
	f, err := lensput.Open(c.tree, p, g)
	switch {
	case errors.Is(err, fs.ErrNotExist) && from == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		c.diags = append(c.diags, lensput.Diag(hcl.DiagWarning, p, err, "It may hold a password: what it says is not known."))
		return nil
	case err != nil && from != nil && errors.Is(err, fs.ErrNotExist):
		severity := hcl.DiagError
		if lensput.Lone(c.tree, above[0]) {
			severity = hcl.DiagWarning
		}
		c.diags = append(c.diags, &hcl.Diagnostic{Severity: severity, Summary: "Included file is missing",
			Detail: "PostgreSQL does not start: " + p + " is not there.", Subject: from})
		return nil
	case err != nil:
		c.diags = append(c.diags, lensput.Diag(hcl.DiagError, p, err, "PostgreSQL does not start with it."))
		return nil
	case slices.Contains(above, f.Path) || len(above) > maxDepth || len(c.files) >= maxFiles:
		c.fail(from, "Files include too much", "PostgreSQL does not start: %s is included by itself, more than %d deep, or as one of more than %d.", p, maxDepth, maxFiles)
		return nil
	}
	c.files = append(c.files, f)
	return f
}

// conf reads a file of settings.
func (c *cluster) conf(p string, from *hcl.Range, above []string) {
	f := c.open(p, conf, from, above)
	if f == nil {
		return
	}
	if c.main == nil && from == nil {
		c.main = f
	}
	above = append(slices.Clone(above), f.Path)
	for _, n := range f.Tree.Root.Nodes {
		s := &setting{f, n}
		switch name := strings.ToLower(n.Name(f.Source())); name {
		case "include", "include_if_exists", "include_dir":
			c.include(name, s.says(), f, n, func(p string, from *hcl.Range) { c.conf(p, from, above) })
		default:
			c.lines[name] = append(c.lines[name], s)
		}
	}
}

// include follows a directive: what it names begins at its own file's directory.
func (c *cluster) include(directive, name string, f *lensput.File, n *lens.Node, read func(string, *hcl.Range)) {
	lens.Show(n) // what it says is what it leads to
	rng := f.RangeOf(n.Whole)
	p := c.abs(name, path.Dir(f.Path))
	switch _, err := engine.Resolve(c.tree, p); {
	case directive == "include_if_exists" && errors.Is(err, fs.ErrNotExist):
		return
	case directive != "include_dir":
		read(p, rng)
		return
	case errors.Is(err, fs.ErrNotExist) && !lensput.Lone(c.tree, f.Path):
		c.fail(rng, "Included directory is missing", "PostgreSQL does not start: %s is not there.", p)
		return
	}
	names, err := lensput.Names(c.tree, p, ".conf")
	if err != nil {
		c.fail(rng, "Directory cannot be read", "%s: %s.", p, err)
	}
	for _, name := range names {
		read(path.Join(p, name), rng)
	}
}

func (c *cluster) fail(rng *hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng})
}
