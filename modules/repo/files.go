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
	files []*configFile
	repos map[string]*repository
}

// configFile is one file with repositories.
type configFile struct {
	*lensput.File
	ini *ini.File // of the same document
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
		return c, append(diags, lensput.Diag(hcl.DiagError, mainConfig, err, "dnf does not start with it."))
	}
	if main != nil {
		if e := ini.Last(main.ini.Named("main"), "reposdir"); e != nil {
			c.dirs = e.Items(main.Source())
		}
		diags = append(diags, c.add(main)...)
	}
	for _, p := range c.list(t, &diags) {
		f, err := readFile(t, p)
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

func readFile(t engine.Tree, p string) (*configFile, error) {
	f, err := lensput.Read(t, p)
	if err != nil {
		return nil, err
	}
	return parse(f)
}

func parse(f *lensput.File) (*configFile, error) {
	parsed, err := ini.Parse(f.Source())
	if err != nil {
		return nil, err
	}
	f.Document = parsed.Doc
	return &configFile{f, parsed}, nil
}

// add takes in a file's repositories: of several with one id, dnf keeps the
// first that it reads.
func (c *config) add(f *configFile) hcl.Diagnostics {
	c.files = append(c.files, f)
	var diags hcl.Diagnostics
	for _, id := range f.ini.Names() {
		if id == "main" {
			continue
		}
		sections := f.ini.Named(id)
		rng := f.RangeOf(sections[0].Header)
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
