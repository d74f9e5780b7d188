package phpfpm

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
	"hikae/engine/lens/ini"
	"hikae/modules/internal/lensput"
)

const (
	etc      = "/etc"
	remi     = "/etc/opt/remi" // a directory for each php of Remi's collections
	mainName = "php-fpm.conf"
	poolDir  = "php-fpm.d"
	suffix   = ".conf"

	maxDepth = 5 // of includes: php-fpm's own bound
	maxFiles = 10000
)

func grammar() lens.Grammar {
	return lens.Grammar{
		Name: "php-fpm",
		Files: []string{
			path.Join(etc, mainName), path.Join(etc, poolDir, "*"+suffix),
			path.Join(remi, "*", mainName), path.Join(remi, "*", poolDir, "*"+suffix),
		},
		Place: func(name string) string {
			if strings.HasSuffix(name, "fpm.conf") {
				return path.Join(etc, mainName)
			}
			return path.Join(etc, poolDir, strings.TrimSuffix(name, suffix)+suffix)
		},
		Parse:    ini.ParseFPM,
		Comments: []string{";"},
		Fold:     strings.ToLower,
	}
}

// server is one php-fpm, and what it reads.
type server struct {
	name  string // "" for the distribution's own, else its collection's: php74
	dir   string // where its php-fpm.conf is
	pools []*pool
	files []*lensput.File
	globs []string // the patterns of its includes
	diags hcl.Diagnostics

	tree    engine.Tree
	within  *pool // the section that goes on, from file to file; nil is [global]
	visited int
}

// pool is one of a server's. A section that comes several times goes on.
type pool struct {
	name     string
	server   *server
	sections []section
	settings []setting // in order
}

type section struct {
	file *lensput.File
	node *lens.Node
}

// setting is one of a pool, with the block that it is written in.
type setting struct {
	file *lensput.File
	in   *lens.Node
	node *lens.Node
}

func (s setting) key() string     { return s.node.Name(s.file.Source()) }
func (s setting) written() string { return s.node.Word(s.file.Source(), 1) }

// load reads every php-fpm's files.
func load(t engine.Tree) []*server {
	servers := []*server{{dir: etc, tree: t}}
	dirs, _ := lensput.Glob(t, remi+"/*")
	for _, d := range dirs {
		servers = append(servers, &server{name: path.Base(d), dir: d, tree: t})
	}
	for _, s := range servers {
		s.load()
	}
	return servers
}

// load reads php-fpm.conf and what it includes; where there is none, the pools
// that it would.
func (s *server) load() {
	main := path.Join(s.dir, mainName)
	f, err := lensput.Open(s.tree, main, grammar())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.include(path.Join(s.dir, poolDir, "*"+suffix), 1)
	case err != nil:
		s.tell(main, err)
	default:
		s.read(f, 1)
	}
}

func (s *server) tell(file string, err error) {
	severity := hcl.DiagError
	then := "php-fpm does not start with it."
	if errors.Is(err, fs.ErrPermission) {
		severity, then = hcl.DiagWarning, "Its pools are not shown."
	}
	s.diags = append(s.diags, lensput.Diag(severity, file, err, then))
}

func (s *server) read(f *lensput.File, depth int) {
	s.files = append(s.files, f)
	for _, n := range f.Tree.Root.Nodes {
		if !n.Block {
			s.statement(f, f.Tree.Root, n, depth)
			continue
		}
		s.enter(f, n)
		for _, c := range n.Nodes {
			s.statement(f, n, c, depth)
		}
	}
}

// enter goes on with the section of a name, whatever its case.
func (s *server) enter(f *lensput.File, n *lens.Node) {
	name := n.Name(f.Source())
	if strings.EqualFold(name, "global") {
		s.within = nil
		return
	}
	i := slices.IndexFunc(s.pools, func(p *pool) bool { return strings.EqualFold(p.name, name) })
	if i < 0 {
		i = len(s.pools)
		s.pools = append(s.pools, &pool{name: name, server: s})
	}
	s.within = s.pools[i]
	s.within.sections = append(s.within.sections, section{f, n})
}

func (s *server) statement(f *lensput.File, in, n *lens.Node, depth int) {
	switch {
	case len(n.Words) == 0:
	case len(n.Words) == 1:
		s.diags = append(s.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Setting without a value",
			Detail: fmt.Sprintf("%q has no = and no value: php-fpm does not start with it. A comment begins with a ;", n.Name(f.Source())), Subject: f.RangeOf(n.Whole)})
	case n.Name(f.Source()) == "include":
		lens.Show(n)
		pattern, ok := ini.FPMValue(n.Word(f.Source(), 1))
		if !ok || !path.IsAbs(pattern) {
			s.at(f, n, hcl.DiagWarning, "%s is not a path of its own: what it includes is not known.", n.Word(f.Source(), 1))
			return
		}
		if depth == maxDepth && s.alone() {
			return // it was put where it would include itself
		}
		if depth == maxDepth {
			s.at(f, n, hcl.DiagError, "php-fpm follows no more than %d includes within each other, and does not start.", maxDepth-1)
			return
		}
		s.globs = append(s.globs, pattern)
		s.include(pattern, depth+1)
	case s.within != nil:
		s.within.settings = append(s.within.settings, setting{f, in, n})
	}
}

// alone tells whether the tree is one file that somebody looks at.
func (s *server) alone() bool {
	top, err := s.tree.ReadDir(etc)
	pools, _ := s.tree.ReadDir(path.Join(etc, poolDir))
	return err == nil && len(top) == 1 && len(pools) < 2
}

func (s *server) at(f *lensput.File, n *lens.Node, severity hcl.DiagnosticSeverity, detail string, args ...any) {
	s.diags = append(s.diags, &hcl.Diagnostic{Severity: severity, Summary: "Include is not followed",
		Detail: fmt.Sprintf(detail, args...), Subject: f.RangeOf(n.Whole)})
}

// include reads the files of a pattern. None is a warning to php-fpm, and
// nothing here: a directory of pools may be empty.
func (s *server) include(pattern string, depth int) {
	paths, err := lensput.Glob(s.tree, pattern)
	if err != nil {
		s.tell(pattern, err)
		return
	}
	for _, p := range paths {
		if s.visited++; s.visited > maxFiles {
			s.tell(p, fmt.Errorf("more than %d files are included", maxFiles))
			return
		}
		f, err := lensput.Open(s.tree, p, grammar())
		if err != nil {
			s.tell(p, err)
			continue
		}
		s.read(f, depth)
	}
}
