// Package versionlock is the lens over the list of dnf's plugin versionlock:
// the kind version_lock.
package versionlock

import (
	"errors"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// Kind is the kind of version locks.
const Kind = "version_lock"

// list is the plugin's list, as EL has it in versionlock.conf.
const list = "/etc/dnf/plugins/versionlock.list"

// Lens shows the locks by their patterns, NAME-EPOCH:VERSION-RELEASE.ARCH with
// * and its like: dnf-versionlock(8). One that begins with ! keeps versions out.
type Lens struct{}

var _ engine.Lens = Lens{}

// Kinds has the one kind.
func (Lens) Kinds() []engine.Schema {
	return []engine.Schema{{
		Kind:  Kind,
		Doc:   "A lock of dnf's plugin versionlock: of a package only versions of this pattern are taken.",
		Label: "pattern, as in mariadb-server-3:10.3.*; one with ! before it keeps versions out",
		Stage: engine.StageSystem,
	}}
}

// Units is empty: dnf reads its files anew each time.
func (Lens) Units() []engine.Unit { return nil }

// grammar is that of the list: a lock a line, # begins a comment.
func grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "versionlock",
		Files:    []string{list},
		Place:    func(string) string { return list },
		Parse:    parse,
		Comments: []string{"#"},
	}
}

func parse(src []byte) (*lens.File, error) {
	var b lens.Builder
	var nodes []*lens.Node
	for _, line := range lens.Lines(src) {
		body := lens.Trim(src, line, lens.Blank)
		if body.Len() > 0 && src[body.Start] != '#' {
			nodes = append(nodes, b.Node(lens.Node{Whole: body, Words: []lens.Span{body}}))
		}
	}
	return lens.NewFile(src, nodes), nil
}

// load reads the list: its lines by their patterns, and the patterns in order.
func load(t engine.Tree) (f *lensput.File, locks map[string][]*lens.Node, order []string, err error) {
	locks = map[string][]*lens.Node{}
	f, err = lensput.Open(t, list, grammar())
	if errors.Is(err, fs.ErrNotExist) {
		return lensput.Create(list, grammar()), locks, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range f.Tree.Root.Nodes {
		pattern := n.Name(f.Source())
		if !writable(pattern) {
			continue
		}
		if locks[pattern] == nil {
			order = append(order, pattern)
		}
		locks[pattern] = append(locks[pattern], n)
	}
	return f, locks, order, nil
}

// Grammars has the one grammar.
func (Lens) Grammars() []lens.Grammar { return []lens.Grammar{grammar()} }

// Verbatim counts the lines that are no locks.
func (Lens) Verbatim(t engine.Tree) []hcl.Range {
	f, locks, _, err := load(t)
	if err != nil {
		return nil
	}
	for _, nodes := range locks {
		lens.Show(nodes...)
	}
	return lensput.Verbatim([]*lensput.File{f})
}

// writable tells a lock from a comment, and from what would be two words.
func writable(pattern string) bool {
	return pattern != "" && pattern[0] != '#' && pattern != "!" && utf8.ValidString(pattern) &&
		!strings.ContainsFunc(pattern, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// Get shows the locks in the order of the list.
func (Lens) Get(t engine.Tree) ([]engine.Resource, hcl.Diagnostics) {
	f, locks, order, err := load(t)
	if err != nil {
		return nil, hcl.Diagnostics{lensput.Diag(hcl.DiagError, list, err, "Its locks are not known.")}
	}
	var resources []engine.Resource
	for _, p := range order {
		resources = append(resources, engine.Resource{Addr: engine.Addr{Kind: Kind, Name: p}, Value: cty.EmptyObjectVal, Range: *f.RangeOf(locks[p][0].Whole)})
	}
	return resources, nil
}

// Put adds and removes locks. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	f, locks, _, err := load(t)
	if err != nil {
		return nil, nil, hcl.Diagnostics{lensput.Diag(hcl.DiagError, list, err, "Its locks cannot be changed.")}
	}
	var p lensput.Put
	for _, e := range lensput.Sorted(edits) {
		lines, pattern := locks[e.Addr.Name], e.Addr.Name
		switch {
		case e.Absent:
			for _, l := range lines {
				f.Tree.Remove(l)
				p.Touch(f, e.Addr)
			}
		case lines != nil:
		case !writable(pattern):
			p.Fail(e.RangeOf(""), "Not a version lock", "%q cannot be one: a lock is a pattern without blanks, as in mariadb-server-3:10.3.*", pattern)
		default:
			f.Append(pattern)
			p.Touch(f, e.Addr)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}
