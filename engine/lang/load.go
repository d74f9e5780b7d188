package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"hikae/engine"
)

// maxProjectFiles is how many *.hcl a project may have.
const maxProjectFiles = 1000

// Options of Load.
type Options struct {
	// Version is hikae's own, for required_version; "" accepts any.
	Version string
	// Dir is put before the paths of Patch.ContentFrom, which are otherwise
	// relative to the project. LoadDir sets it.
	Dir string
}

// LoadDir reads the project in a directory. No link leads out of it.
func LoadDir(dir string, schemas []engine.Schema, o Options) (*Project, hcl.Diagnostics) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return &Project{}, hcl.Diagnostics{failure(wholeFile(dir), "cannot read the project: "+err.Error(), remedyNoProject)}
	}
	defer root.Close() //nolint:errcheck // opened for reading
	o.Dir = dir
	return Load(root.FS(), schemas, o)
}

const remedyNoProject = "Name the project's directory with -C, or make one with hikae init."

// Load reads all *.hcl at the root of fsys as one project. Resources in
// overlays are of the kinds that schemas describe. The project is never nil;
// it is whole only when there are no errors.
func Load(fsys fs.FS, schemas []engine.Schema, o Options) (*Project, hcl.Diagnostics) {
	l := &loader{fsys: fsys, opts: o, schemas: bySchemaKind(schemas), project: &Project{Hikae: Hikae{Store: defaultStore, Budget: noBudget, LoginDeadline: defaultLoginDeadline}}}
	bodies := l.parse()
	if !l.diags.HasErrors() {
		l.load(bodies)
	}
	return l.project, bySource(l.diags)
}

// Where the project says nothing of it.
const (
	defaultStore         = "states" // directory of the store
	defaultLoginDeadline = 20 * time.Second
)

type loader struct {
	fsys    fs.FS
	opts    Options
	schemas map[string]engine.Schema
	project *Project
	scope   *scope
	diags   hcl.Diagnostics

	written map[rankedAttr]hcl.Range // where overlays set each attribute
	secrets map[string]Secret

	described, removed map[rankedAttr]hcl.Range // blocks; the attribute is ""
}

func (l *loader) fail(at hcl.Range, wrong, remedy string) {
	l.diags = append(l.diags, failure(at, wrong, remedy))
}

// parse parses every file, so that all syntax errors are told at once.
func (l *loader) parse() []*hclsyntax.Body {
	entries, err := fs.ReadDir(l.fsys, ".")
	if err != nil {
		l.fail(wholeFile("."), "cannot read the project: "+err.Error(), remedyNoProject)
		return nil
	}
	var bodies []*hclsyntax.Body
	for _, e := range entries { // in the order of their names
		name := e.Name()
		if path.Ext(name) != ".hcl" || strings.HasPrefix(name, ".") || e.IsDir() {
			continue
		}
		if len(bodies) == maxProjectFiles {
			l.fail(wholeFile(name), fmt.Sprintf("the project has more than %d files", maxProjectFiles), "Is this the right directory?")
			return nil
		}
		src, err := readBounded(l.fsys, name, maxProjectFile)
		if err != nil {
			l.fail(wholeFile(name), fmt.Sprintf("cannot read %s: %v", name, err), "It must be a file in the project's own directory.")
			continue
		}
		body, diags := parseProject(src, name)
		l.diags = append(l.diags, diags...)
		if body != nil {
			bodies = append(bodies, body)
		}
	}
	if len(bodies) == 0 && !l.diags.HasErrors() {
		l.fail(wholeFile("."), "there is no project here: no *.hcl", remedyNoProject)
	}
	return bodies
}

// load takes the blocks in the order in which they need each other.
func (l *loader) load(bodies []*hclsyntax.Body) {
	l.written = map[rankedAttr]hcl.Range{}
	l.secrets = map[string]Secret{}
	l.described, l.removed = map[rankedAttr]hcl.Range{}, map[rankedAttr]hcl.Range{}
	blocks := map[string][]*hclsyntax.Block{}
	for _, body := range bodies {
		for _, b := range body.Blocks {
			blocks[b.Type] = append(blocks[b.Type], b)
		}
	}
	l.hikae(blocks["hikae"])
	if l.diags.HasErrors() {
		return // another version's language would only give noise
	}
	for _, body := range bodies {
		l.topLevel(body)
	}
	l.scope = newScope(blocks)
	l.diags = append(l.diags, l.scope.evaluate()...)
	l.hosts(blocks["host"])
	l.pairs(blocks["pair"])
	l.follows()
	for _, b := range blocks["overlay"] {
		l.overlay(b)
	}
	for _, b := range blocks["backup"] {
		l.backup(b)
	}
	l.project.sort(l.secrets)
}

func (p *Project) sort(secrets map[string]Secret) {
	slices.SortFunc(p.Hosts, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Pairs, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Backups, func(a, b Backup) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range secrets {
		p.Secrets = append(p.Secrets, s)
	}
	slices.SortFunc(p.Secrets, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
}

// blockKinds are the blocks that may stand at the top of a file.
var blockKinds = []string{"backup", "hikae", "host", "locals", "overlay", "pair"}

// topLevel refuses what is no block of the language.
func (l *loader) topLevel(body *hclsyntax.Body) {
	for _, a := range body.Attributes {
		l.fail(a.NameRange, fmt.Sprintf("%s stands outside any block", a.Name),
			"A value for use elsewhere goes in locals { "+a.Name+" = ... } and is read as local."+a.Name+".")
	}
	for _, b := range body.Blocks {
		if slices.Contains(blockKinds, b.Type) {
			continue
		}
		l.fail(b.DefRange(), fmt.Sprintf("unknown block %q", b.Type), l.foreignBlock(b.Type))
	}
}

// foreign explains what other tools have and hikae has not.
var foreign = map[string]string{
	"include":    "All *.hcl of the project's directory are read; there is nothing to include.",
	"import":     "All *.hcl of the project's directory are read; there is nothing to import.",
	"module":     "There are no modules: put blocks in another *.hcl of the project's directory.",
	"variable":   "There are no variables from outside: write locals { NAME = ... } and read local.NAME.",
	"output":     "There are no outputs: hikae show prints what a host is.",
	"resource":   "A resource is written by its kind, in an overlay: overlay \"role\" \"standby\" { file \"/etc/motd\" { ... } }.",
	"data":       "There are no data sources: a snapshot is what a host is.",
	"provider":   "There are no providers: hikae knows its kinds of resources itself.",
	"terraform":  "Settings of the project go in hikae { ... }.",
	"dynamic":    "There is no dynamic: write each block. Values may use for expressions.",
	"for_each":   "There is no for_each: write each block. Values may use for expressions.",
	"count":      "There is no count: write each block. Values may use for expressions.",
	"lifecycle":  "There is no lifecycle: what must not change is named in hostonly.",
	"depends_on": "There is no depends_on: hikae knows the order of what it applies.",
	"role":       "Roles are given by a pair; what differs for one is in overlay \"role\" \"standby\" { ... }.",
	"var":        "There are no variables from outside: write locals { NAME = ... } and read local.NAME.",
	"each":       "There is no for_each: write each block. Values may use for expressions.",
	"path":       "Paths in the project are relative to its directory: source = \"files/motd\".",
	"self":       "A block cannot refer to itself: put the value in locals.",
}

func (l *loader) foreignBlock(kind string) string {
	if why, known := foreign[kind]; known {
		return why
	}
	if kind == "mirror" {
		return "A mirror belongs in a pair: pair \"home\" { mirror \"/var/www\" { ... } }."
	}
	if _, known := l.schemas[kind]; known {
		return "A resource belongs in an overlay: overlay \"role\" \"standby\" { " + kind + " \"NAME\" { ... } }, or overlay \"host\" \"NAME\"."
	}
	return meant(kind, append(slices.Clone(blockKinds), l.kinds()...))
}

func (l *loader) kinds() []string {
	var kinds []string
	for k := range l.schemas {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// projectFile finds a file that the project names. It says why it cannot be
// read, as in "cannot read x: ...".
func (l *loader) projectFile(name string) (fs.FileInfo, error) {
	if strings.HasPrefix(name, "/") || !fs.ValidPath(name) || !filepath.IsLocal(name) {
		return nil, errors.New("the path is relative to the project's directory and stays in it, as in files/motd")
	}
	info, err := fs.Stat(l.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("it is not in the project")
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a directory; name a file")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	if !slices.Contains(l.project.Files, name) {
		l.project.Files = append(l.project.Files, name)
	}
	return info, nil
}
