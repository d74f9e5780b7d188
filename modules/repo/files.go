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
	"hikae/modules/internal/lensput"
)

const (
	mainConfig = "/etc/dnf/dnf.conf"
	suffix     = ".repo"
)

// defaultDirs are dnf's reposdir: dnf.conf(5).
var defaultDirs = []string{"/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"}

// config is all that dnf reads about repositories.
type config struct {
	dirs  []string
	main  *lensput.File // dnf.conf; nil where there is none
	files []*lensput.File
	repos map[string]*repository
}

// grammar is that of the files of repositories.
func grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "repo",
		Files:    []string{defaultDirs[0] + "/*" + suffix},
		Place:    func(name string) string { return path.Join(defaultDirs[0], strings.TrimSuffix(name, suffix)+suffix) },
		Parse:    ini.Parse,
		Comments: []string{"#", ";"},
	}
}

// repository is one that dnf knows.
type repository struct {
	id       string
	file     *lensput.File
	sections []*lens.Node  // mostly one; dnf takes several of a name as one
	hidden   []*repository // of the same id, in files that dnf reads later
}

// load reads the files in dnf's order: dnf.conf, then all *.repo of its
// directories. What dnf passes over with a warning is passed over with one.
func load(t engine.Tree) (*config, hcl.Diagnostics) {
	c := &config{dirs: defaultDirs, repos: map[string]*repository{}}
	var diags hcl.Diagnostics
	main, err := lensput.Open(t, mainConfig, grammar())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, append(diags, lensput.Diag(hcl.DiagError, mainConfig, err, "dnf does not start with it."))
	}
	if err == nil {
		c.main = main
		if n := ini.Last(main.Source(), ini.Named(main.Tree, "main"), "reposdir"); n != nil {
			c.dirs = ini.Items(n.Word(main.Source(), 1))
		}
		diags = append(diags, c.add(main)...)
	}
	for _, p := range c.list(t, &diags) {
		f, err := lensput.Open(t, p, grammar())
		if err != nil {
			diags = append(diags, lensput.Diag(hcl.DiagWarning, p, err, "dnf passes over the file."))
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
		names, err := lensput.Names(t, d, suffix)
		if err != nil {
			*diags = append(*diags, lensput.Diag(hcl.DiagWarning, d, err, "Its repositories are not known."))
		}
		for _, n := range names {
			paths = append(paths, path.Join(d, n))
		}
	}
	parts := func(p string) []string { return strings.Split(strings.TrimSuffix(p, suffix), "/") }
	slices.SortStableFunc(paths, func(a, b string) int { return slices.Compare(parts(a), parts(b)) })
	return slices.Compact(paths)
}

// add takes in a file's repositories: of several with one id, dnf keeps the
// first that it reads.
func (c *config) add(f *lensput.File) hcl.Diagnostics {
	c.files = append(c.files, f)
	var diags hcl.Diagnostics
	for _, id := range ini.Names(f.Tree) {
		if id == "main" {
			continue
		}
		sections := ini.Named(f.Tree, id)
		rng := f.RangeOf(headerOf(sections[0]))
		if err := checkID(id); err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Repository passed over",
				Detail: fmt.Sprintf("dnf passes over the section: %s.", err), Subject: rng})
			continue
		}
		if other, ok := c.repos[id]; ok {
			other.hidden = append(other.hidden, &repository{id: id, file: f, sections: sections})
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Repository defined twice",
				Detail: fmt.Sprintf("dnf knows %q from %s already and passes over this section.", id, other.file.Path), Subject: rng})
			continue
		}
		c.repos[id] = &repository{id: id, file: f, sections: sections}
	}
	return diags
}

// headerOf is the name of a section with its brackets.
func headerOf(section *lens.Node) lens.Span {
	return lens.Span{Start: section.Whole.Start, End: section.Words[0].End + 1}
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
