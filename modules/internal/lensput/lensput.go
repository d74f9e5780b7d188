// Package lensput is what the lenses share: reading a file of a tree, and
// gathering the edits of one Put.
package lensput

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/hosts"
)

// maxFile bounds, in bytes, one file: a list of some hundred thousand zones or
// addresses has 30 MB.
const maxFile = 64 << 20

// File is a file of a tree and the edits to be made in it.
type File struct {
	Path string // the file itself, links followed
	*lens.Document
	// Tree is what stands in it; nil where it was read otherwise than by Open.
	// Its document is this one.
	Tree  *lens.File
	isNew bool
}

// Open reads the file that a path leads to and what stands in it.
func Open(t engine.Tree, p string, g lens.Grammar) (*File, error) {
	f, err := Read(t, p)
	if err != nil {
		return nil, err
	}
	return f, f.parse(g)
}

func (f *File) parse(g lens.Grammar) error {
	tree, err := g.Parse(f.Source())
	if err != nil {
		return err
	}
	f.Tree, f.Document = tree, tree.Document
	return nil
}

// Verbatim is where the statements of files are that no lens shows.
func Verbatim(files []*File) []hcl.Range {
	var kept []hcl.Range
	for _, f := range files {
		if f.Tree == nil {
			continue
		}
		for _, n := range f.Tree.Verbatim() {
			kept = append(kept, *f.RangeOf(n.Whole))
		}
	}
	return kept
}

// Read reads the file that a path leads to.
func Read(t engine.Tree, p string) (*File, error) {
	real, b, err := engine.ReadTreeFile(t, p)
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("it has more than %d bytes", maxFile)
	}
	return &File{Path: real, Document: lens.NewDocument(b)}, nil
}

// FileOf is a file of bytes that were read otherwise.
func FileOf(p string, b []byte) *File { return &File{Path: p, Document: lens.NewDocument(b)} }

// Parsed is a file of bytes that were read otherwise, and what stands in it.
func Parsed(p string, b []byte, g lens.Grammar) (*File, error) {
	f := FileOf(p, b)
	return f, f.parse(g)
}

// Create is a file that is not there yet, to be written by a grammar, which
// takes a file of nothing.
func Create(p string, g lens.Grammar) *File {
	f := New(p)
	if err := f.parse(g); err != nil {
		f.Tree = lens.NewFile(nil, nil)
		f.Document = f.Tree.Document
	}
	return f
}

// New is a file that is not there yet.
func New(p string) *File { return &File{Path: p, Document: lens.NewDocument(nil), isNew: true} }

// Make is a file that is not there yet, and empty, with its tree.
func Make(p string, g lens.Grammar) (*File, error) {
	f := New(p)
	return f, f.parse(g)
}

// Names lists the names of a directory that end in a suffix and do not begin
// with a dot, sorted. One that is not there has none.
func Names(t engine.Tree, dir, suffix string) ([]string, error) {
	real, err := engine.Resolve(t, dir)
	var names []string
	if err == nil {
		names, err = t.ReadDir(real)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return !strings.HasSuffix(n, suffix) || strings.HasPrefix(n, ".")
	}), err
}

// RangeOf is where a span of the file is.
func (f *File) RangeOf(s lens.Span) *hcl.Range {
	return &hcl.Range{Filename: f.Path, Start: pos(f.PosOf(s.Start)), End: pos(f.PosOf(s.End))}
}

func pos(p lens.Pos) hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// Diag tells that a file cannot be read, and what comes of that.
func Diag(severity hcl.DiagnosticSeverity, file string, err error, then string) *hcl.Diagnostic {
	rng := &hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
	what := err.Error()
	if syntax, ok := errors.AsType[*lens.SyntaxError](err); ok {
		rng.Start, rng.End, what = pos(syntax.Pos), pos(syntax.Pos), syntax.Text
	}
	return &hcl.Diagnostic{Severity: severity, Summary: "File cannot be read", Detail: what + ". " + then, Subject: rng}
}

// Put is one Put under way.
type Put struct {
	Diags   hcl.Diagnostics
	touched map[*File][]engine.Addr
	made    map[*File]*hosts.Node // what a new file is to be, where that is not the usual
	removed map[*File]bool
}

// Fail refuses the whole Put.
func (p *Put) Fail(rng *hcl.Range, summary, detail string, args ...any) {
	p.Diags = append(p.Diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng})
}

// Touch says that a file was edited, and for what.
func (p *Put) Touch(f *File, a engine.Addr) {
	if p.touched == nil {
		p.touched = map[*File][]engine.Addr{}
	}
	if !slices.Contains(p.touched[f], a) {
		p.touched[f] = append(p.touched[f], a)
	}
}

// Touched tells whether a file was edited.
func (p *Put) Touched(f *File) bool { return p.touched[f] != nil }

// Make says what a file that is new is to be beside its bytes.
func (p *Put) Make(f *File, n hosts.Node) {
	if p.made == nil {
		p.made = map[*File]*hosts.Node{}
	}
	p.made[f] = &n
}

// Remove says that nothing is to stand where a file does.
func (p *Put) Remove(f *File, a engine.Addr) {
	p.Touch(f, a)
	if p.removed == nil {
		p.removed = map[*File]bool{}
	}
	p.removed[f] = true
}

// Files are the edits, in the order of their paths; none where one failed.
func (p *Put) Files() []engine.FileEdit {
	var edits []engine.FileEdit
	for f, addrs := range p.touched {
		if p.removed[f] {
			edits = append(edits, engine.FileEdit{Path: f.Path, Remove: true, For: addrs})
			continue
		}
		b, err := f.Bytes()
		if err != nil {
			p.Fail(nil, "Edits of one file meet", "%s: %s.", f.Path, err)
			continue
		}
		if f.isNew || !bytes.Equal(b, f.Source()) {
			edits = append(edits, engine.FileEdit{Path: f.Path, Bytes: b, For: addrs, New: p.made[f]})
		}
	}
	if p.Diags.HasErrors() {
		return nil
	}
	slices.SortFunc(edits, func(a, b engine.FileEdit) int { return strings.Compare(a.Path, b.Path) })
	return edits
}

// Sorted are edits in the order of their addresses.
func Sorted(edits []engine.Edit) []engine.Edit {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b engine.Edit) int { return a.Addr.Compare(b.Addr) })
	return edits
}
