package repo

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
)

const (
	mainConfig = "/etc/dnf/dnf.conf"
	suffix     = ".repo"
)

// defaultDirs are dnf's reposdir: dnf.conf(5).
var defaultDirs = []string{"/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"}

// maxFile bounds, in bytes, one file. A repo file of a distribution has 5 KB.
const maxFile = 1 << 20

// config is all that dnf reads about repositories.
type config struct {
	dirs  []string
	files []*configFile
	repos map[string]*repository
}

// configFile is one file with repositories.
type configFile struct {
	path string // the file itself, links followed
	*ini.File
}

// repository is one that dnf knows.
type repository struct {
	id       string
	file     *configFile
	sections []*ini.Section // mostly one; dnf takes several of a name as one
	hidden   []*repository  // of the same id, in files that dnf reads later
}

// load reads the files in dnf's order: dnf.conf, then all *.repo of its
// directories. What dnf passes over with a warning is passed over with one.
func load(t engine.Tree) (*config, hcl.Diagnostics) {
	c := &config{dirs: defaultDirs, repos: map[string]*repository{}}
	var diags hcl.Diagnostics
	main, err := readFile(t, mainConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, append(diags, fileDiag(hcl.DiagError, mainConfig, err, "dnf does not start with it."))
	}
	if main != nil {
		if e := ini.Last(main.Named("main"), "reposdir"); e != nil {
			c.dirs = e.Items(main.Doc.Source())
		}
		diags = append(diags, c.add(main)...)
	}
	for _, p := range c.list(t, &diags) {
		f, err := readFile(t, p)
		if err != nil {
			diags = append(diags, fileDiag(hcl.DiagWarning, p, err, "dnf passes over the file."))
			continue
		}
		diags = append(diags, c.add(f)...)
	}
	return c, diags
}

// list gives the paths of the *.repo files in the order in which dnf reads
// them: by their names without the suffix, part by part.
func (c *config) list(t engine.Tree, diags *hcl.Diagnostics) []string {
	var paths []string
	for _, d := range c.dirs {
		if !path.IsAbs(d) {
			continue
		}
		dir, err := engine.Resolve(t, d)
		var names []string
		if err == nil {
			names, err = t.ReadDir(dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			*diags = append(*diags, fileDiag(hcl.DiagWarning, d, err, "Its repositories are not known."))
		}
		for _, n := range names {
			if strings.HasSuffix(n, suffix) && !strings.HasPrefix(n, ".") {
				paths = append(paths, path.Join(d, n))
			}
		}
	}
	parts := func(p string) []string { return strings.Split(strings.TrimSuffix(p, suffix), "/") }
	slices.SortStableFunc(paths, func(a, b string) int { return slices.Compare(parts(a), parts(b)) })
	return slices.Compact(paths)
}

func readFile(t engine.Tree, p string) (*configFile, error) {
	real, b, err := engine.ReadTreeFile(t, p)
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	f, err := ini.Parse(b)
	if err != nil {
		return nil, err
	}
	return &configFile{real, f}, nil
}

// add takes in a file's repositories: of several with one id, dnf keeps the
// first that it reads.
func (c *config) add(f *configFile) hcl.Diagnostics {
	c.files = append(c.files, f)
	var diags hcl.Diagnostics
	for _, id := range f.Names() {
		if id == "main" {
			continue
		}
		sections := f.Named(id)
		rng := f.rangeOf(sections[0].Header)
		if err := checkID(id); err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Repository passed over",
				Detail: fmt.Sprintf("dnf passes over the section: %s.", err), Subject: rng})
			continue
		}
		if other, ok := c.repos[id]; ok {
			other.hidden = append(other.hidden, &repository{id: id, file: f, sections: sections})
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Repository defined twice",
				Detail: fmt.Sprintf("dnf knows %q from %s already and passes over this section.", id, other.file.path), Subject: rng})
			continue
		}
		c.repos[id] = &repository{id: id, file: f, sections: sections}
	}
	return diags
}

// checkID refuses what dnf refuses as the id of a repository (dnf/repo.py,
// repo_id_invalid). A $variable in it is replaced before dnf looks.
func checkID(id string) error {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.:${}", c) >= 0:
		default:
			return fmt.Errorf("a repository's id has no %q in it", c)
		}
	}
	return nil
}

func (f *configFile) rangeOf(s lens.Span) *hcl.Range {
	src := f.Doc.Source()
	return &hcl.Range{Filename: f.path, Start: hclPos(lens.PosOf(src, s.Start)), End: hclPos(lens.PosOf(src, s.End))}
}

func hclPos(p lens.Pos) hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

func fileDiag(severity hcl.DiagnosticSeverity, file string, err error, then string) *hcl.Diagnostic {
	rng := &hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
	what := err.Error()
	if syntax, ok := errors.AsType[*lens.SyntaxError](err); ok {
		rng.Start, rng.End, what = hclPos(syntax.Pos), hclPos(syntax.Pos), syntax.Text
	}
	return &hcl.Diagnostic{Severity: severity, Summary: "File cannot be read", Detail: what + ". " + then, Subject: rng}
}
