package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/lens"
	"hikae/engine/view"
	"hikae/hosts"
)

// maxLensFile bounds, in bytes, a file that is looked at: as on a host.
const maxLensFile = 64 << 20

// grammarNames are the names of all grammars that lenses read by, in order.
func grammarNames(lenses []engine.Lens) []string {
	var names []string
	for _, l := range lenses {
		for _, g := range l.Grammars() {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// looker looks at files by one grammar.
type looker struct {
	a       *app
	lens    engine.Lens
	grammar lens.Grammar
	do      func(*looked) error
}

// looked is a file under a looker: name is what it is called here, path where
// it would lie on a host.
type looked struct {
	name, path string
	src        []byte
	tree       *lens.File
}

func newLooker(a *app, lenses []engine.Lens, name string) (*looker, error) {
	for _, l := range lenses {
		for _, g := range l.Grammars() {
			if g.Name == name {
				return &looker{a: a, lens: l, grammar: g}, nil
			}
		}
	}
	names := grammarNames(lenses)
	return nil, fmt.Errorf("there is no grammar %q%s; the grammars: %s", name, lang.Nearest(name, names), strings.Join(names, ", "))
}

// filesError: files could not be read, each told when it was met.
type filesError struct{ failed, of int }

func (e filesError) Error() string {
	return fmt.Sprintf("%d of %d files could not be read", e.failed, e.of)
}

// files looks at each. Of a single one the error is still to be told.
func (l *looker) files(stdin io.Reader, names []string) error {
	failed := 0
	for _, name := range names {
		if err := l.file(stdin, name); err != nil {
			failed++
			l.tell(name, err)
		}
	}
	if failed > 0 {
		return filesError{failed, len(names)}
	}
	return nil
}

func (l *looker) file(stdin io.Reader, name string) error {
	src, err := readBounded(stdin, name)
	if err != nil {
		return err
	}
	f := &looked{name: name, src: src}
	base := filepath.Base(name)
	if name == "-" {
		f.name, base = "stdin", "stdin"
	}
	f.path = l.grammar.Place(base)
	if f.tree, err = l.grammar.Parse(src); err != nil {
		return err
	}
	return l.do(f)
}

// readBounded reads a file, or stdin for "-".
func readBounded(stdin io.Reader, name string) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			var p *fs.PathError
			if errors.As(err, &p) {
				err = p.Err // the name is told anyway
			}
			return nil, fmt.Errorf("cannot read it: %w", err)
		}
		defer f.Close() //nolint:errcheck // opened for reading
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxLensFile+1))
	if err == nil && len(b) > maxLensFile {
		err = fmt.Errorf("it has more than %d MB", maxLensFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read it: %w", err)
	}
	return b, nil
}

// fileTree is a host with a single file.
func (f *looked) fileTree() engine.Tree {
	n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(len(f.src))}}
	return engine.NewTree(hosts.Facts{ID: "rocky", VersionID: "9"},
		func(yield func(string, *hosts.Node) bool) { yield(f.path, n) },
		func(string, *hosts.Node) ([]byte, error) { return f.src, nil })
}

// print writes the file from its tree.
func (l *looker) print(f *looked) error {
	out, err := f.tree.Print()
	if err == nil && !bytes.Equal(out, f.src) {
		err = errors.New("printed from its tree it is another; this is a fault of hikae's")
	}
	if err != nil {
		return fmt.Errorf("cannot print it: %w", err)
	}
	_, err = l.a.out.Write(out)
	return err
}

// get is what the lens shows of the file. Warnings are told.
func (l *looker) get(f *looked) ([]engine.Resource, error) {
	found, diags := l.lens.Get(f.fileTree())
	var bad hcl.Diagnostics
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			bad = append(bad, d)
			continue
		}
		l.tell(f.name, &lookedDiag{d, f})
	}
	for i := range found {
		if found[i].Range.Filename == f.path {
			found[i].Range.Filename = f.name
		}
		found[i].Value = l.renamed(found[i], f)
	}
	if len(bad) == 0 {
		return found, nil
	}
	for _, d := range bad[1:] {
		l.tell(f.name, &lookedDiag{d, f})
	}
	return nil, &lookedDiag{bad[0], f}
}

// renamed is a resource's value with the file called as it is here.
func (l *looker) renamed(r engine.Resource, f *looked) cty.Value {
	if r.Value == cty.NilVal {
		return r.Value
	}
	attrs := r.Value.AsValueMap()
	for _, a := range schemaOf(l.lens, r.Addr.Kind).Attrs {
		if v := attrs[a.Name]; a.Info && a.Type == cty.String && !v.IsNull() && v.AsString() == f.path {
			attrs[a.Name] = cty.StringVal(f.name)
		}
	}
	return cty.ObjectVal(attrs)
}

func (l *looker) resources(f *looked) error {
	found, err := l.get(f)
	if err != nil {
		return err
	}
	if !l.a.json {
		_, err := l.a.out.Write(lang.EncodeView(found, l.lens.Kinds()))
		return err
	}
	for i := range found {
		l.a.view.Emit(view.Event{Type: "resource", Data: lang.JSONResource(&found[i], schemaOf(l.lens, found[i].Addr.Kind))})
	}
	return nil
}

func schemaOf(l engine.Lens, kind string) engine.Schema {
	return engine.ByKind(l.Kinds())[kind]
}

// lensStats is what --stats counts of a file.
type lensStats struct {
	File       string `json:"file"`
	Grammar    string `json:"grammar"`
	Bytes      int    `json:"bytes"`
	Statements int    `json:"statements"`
	Shown      int    `json:"shown"`    // of the statements, those that resources show
	Verbatim   int    `json:"verbatim"` // and those kept as they are
	Resources  int    `json:"resources"`
}

func (l *looker) stats(f *looked) error {
	found, err := l.get(f)
	if err != nil {
		return err
	}
	kept := map[lens.Span]bool{}
	for _, r := range l.lens.Verbatim(f.fileTree()) {
		if r.Filename == f.path {
			kept[lens.Span{Start: r.Start.Byte, End: r.End.Byte}] = true
		}
	}
	s := lensStats{File: f.name, Grammar: l.grammar.Name, Bytes: len(f.src), Resources: len(found)}
	var visit func(n *lens.Node, verbatim bool)
	visit = func(n *lens.Node, verbatim bool) {
		for _, c := range n.Nodes {
			in := verbatim || kept[c.Whole]
			s.Statements++
			if in {
				s.Verbatim++
			}
			visit(c, in)
		}
	}
	visit(f.tree.Root, false)
	s.Shown = s.Statements - s.Verbatim
	l.a.view.Emit(view.Event{Type: "lens_stats", Data: s, Text: fmt.Sprintf("%s: %d statements: %d shown by %d resources, %d kept verbatim",
		view.Safe(s.File), s.Statements, s.Shown, s.Resources, s.Verbatim)})
	return nil
}

// lookedDiag is a lens's diagnostic, told of the file as it is called here.
type lookedDiag struct {
	*hcl.Diagnostic
	in *looked
}

func (d *lookedDiag) Error() string { return d.Summary + ": " + d.Detail }

// tell says what is wrong with a file: FILE:LINE:COLUMN: and the message.
func (l *looker) tell(name string, err error) {
	var syntax *lens.SyntaxError
	var diag *lookedDiag
	line, column, text, severity := 0, 0, err.Error(), "error"
	switch {
	case errors.As(err, &syntax):
		line, column, text = syntax.Line, syntax.Column, syntax.Text
	case errors.As(err, &diag):
		if at := diag.Subject; at != nil {
			line, column = at.Start.Line, at.Start.Column
			if at.Filename != diag.in.path {
				name = at.Filename
			}
		}
		if text = cmp.Or(diag.Detail, diag.Summary); diag.Severity == hcl.DiagWarning {
			severity = "warning"
		}
	}
	if name == "-" {
		name = "stdin"
	}
	if l.a.json {
		l.a.view.Emit(view.Event{Type: "diagnostic", Data: lang.Diagnostic{Severity: severity, Summary: text, File: name, Line: line, Column: column}})
		return
	}
	at := view.Safe(name) + ": "
	if line > 0 {
		at = fmt.Sprintf("%s:%d:%d: ", view.Safe(name), line, column)
	}
	if severity == "warning" {
		at += "warning: "
	}
	_, _ = fmt.Fprintln(l.a.err, at+view.Safe(text))
}
