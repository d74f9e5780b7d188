package dhcpd

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// version tells the two servers apart; it is the In of their hosts.
type version string

const (
	v4 version = "v4"
	v6 version = "v6"
)

// config is what both servers read.
type config struct {
	lensput.Opened
	tree    engine.Tree
	servers map[version]*server
	diags   hcl.Diagnostics
}

// server is one of them.
type server struct {
	*config
	version version
	main    string
	open    []string // the files that are being read

	included int

	declared []*declaration
	byAddr   map[engine.Addr]*declaration
	networks map[string]place // the blocks shared-network, by their within
}

// place is a statement of a file.
type place struct {
	file *lensput.File
	node *lens.Node
}

func (p place) src() []byte { return p.file.Source() }

// declaration is a subnet or a host.
type declaration struct {
	*server
	version version // a file may have a subnet of the other, which dhcpd refuses
	addr    engine.Addr
	at      place
	within  string       // the declarations around it, as an attribute says them
	above   []*lens.Node // their blocks, and the includes that lead to it
}

// maxIncluded bounds the files of a server: one may be included often.
const maxIncluded = 10000

func load(t engine.Tree) *config {
	c := &config{tree: t, servers: map[version]*server{}}
	for v, main := range map[version]string{v4: main4, v6: main6} {
		c.servers[v] = &server{config: c, version: v, main: main, byAddr: map[engine.Addr]*declaration{}, networks: map[string]place{}}
	}
	for _, v := range []version{v4, v6} {
		s := c.servers[v]
		if _, err := engine.Resolve(t, s.main); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		s.file(s.main, scope{}, nil)
	}
	return c
}

// all are the declarations of both servers. Of a subnet that both files have, that
// of the server that it is for.
func (c *config) all() []*declaration {
	var all []*declaration
	for _, v := range []version{v4, v6} {
		for _, d := range c.servers[v].declared {
			if d.version == v || c.servers[d.version].byAddr[d.addr] == nil {
				all = append(all, d)
			}
		}
	}
	return all
}

// scope is where a statement stands.
type scope struct {
	within string
	above  []*lens.Node
}

func (s scope) in(block string, n *lens.Node) scope {
	above := append(slices.Clip(s.above), n)
	if block == "" {
		return scope{s.within, above}
	}
	if s.within != "" {
		block = s.within + " / " + block
	}
	return scope{block, above}
}

// file reads a file that stands for statements of a scope. from is what includes
// it, if anything does.
func (s *server) file(name string, sc scope, from *hcl.Range) {
	f, err := s.Open(s.tree, name, grammar())
	switch {
	case errors.Is(err, fs.ErrPermission): // a secret, which dhcpd can read
		s.warn(from, "File is not looked at", "%s is kept from this view: %s.", name, err)
	case errors.Is(err, fs.ErrNotExist) && lensput.Lone(s.tree, s.main):
		s.warn(from, "Include is not there", "%s is not there.", name)
	case err != nil:
		d := lensput.Diag(hcl.DiagError, name, err, "dhcpd does not start with it.")
		if from != nil && errors.Is(err, fs.ErrNotExist) {
			d.Subject = from
			d.Detail = name + ": " + d.Detail
		}
		s.diags = append(s.diags, d)
	default:
		s.open = append(s.open, name)
		s.body(f, f.Tree.Root, sc)
		s.open = s.open[:len(s.open)-1]
	}
}

// body takes in the declarations of a block.
func (s *server) body(f *lensput.File, block *lens.Node, sc scope) {
	src := f.Source()
	for _, n := range block.Nodes {
		at := place{f, n}
		name := strings.ToLower(n.Name(src))
		switch {
		case !n.Block && name == "include":
			s.include(at, sc)
		case !n.Block:
		case name == "host":
			s.declare(engine.Addr{Kind: HostKind, In: string(s.version), Name: said(n, src, 1)}, at, sc)
			s.body(f, n, sc.in("host "+said(n, src, 1), n))
		case name == "subnet" || name == "subnet6":
			if net, ok := network(n, src); ok {
				s.declare(engine.Addr{Kind: SubnetKind, Name: net.String()}, at, sc)
			}
			s.body(f, n, sc.in("subnet "+strings.Join(wordsFrom(n, src, 1), " "), n))
		case name == "shared-network":
			inner := sc.in("shared-network "+said(n, src, 1), n)
			if _, there := s.networks[inner.within]; !there {
				s.networks[inner.within] = at
			}
			s.body(f, n, inner)
		case name == "group":
			s.body(f, n, sc.in("group", n))
		default:
			s.body(f, n, sc.in(name, n))
		}
	}
}

// declares tells whether statements of a name are declarations of their own, or
// lead to some.
func declares(name string) bool {
	switch name {
	case "host", "subnet", "subnet6", "shared-network", "group", "include":
		return true
	}
	return false
}

// declare notes a subnet or a host. dhcpd takes no second of a name.
func (s *server) declare(a engine.Addr, at place, sc scope) {
	if a.Name == "" || !utf8.ValidString(a.Name) || strings.ContainsFunc(a.Name, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return
	}
	if first := s.byAddr[a]; first != nil {
		if first.at != at {
			r := first.at.file.RangeOf(first.at.node.Whole)
			s.warn(at.file.RangeOf(at.node.Whole), "Declared twice", "%s is declared at %s:%d already.", a, r.Filename, r.Start.Line)
		}
		return
	}
	d := &declaration{server: s, version: s.version, addr: a, at: at, within: sc.within, above: sc.above}
	if a.Kind == SubnetKind {
		d.version = versionOf(a.Name)
	}
	s.byAddr[a] = d
	s.declared = append(s.declared, d)
}

// include reads the file that a statement names: relative to the root, where dhcpd
// is started.
func (s *server) include(at place, sc scope) {
	rng := at.file.RangeOf(at.node.Whole)
	name := path.Join("/", said(at.node, at.src(), 1))
	switch {
	case slices.Contains(s.open, name):
		s.diags = append(s.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Include of itself",
			Detail: name + " is being read already. dhcpd does not start with it.", Subject: rng})
	case s.included >= maxIncluded || len(s.open) >= maxDepth:
		s.warn(rng, "Too many includes", "%s is not looked at.", name)
	default:
		s.included++
		s.file(name, sc.in("", at.node), rng)
		if s.ByPath[name] != nil {
			lens.Show(at.node)
		}
	}
}

// Bounds of how files include each other, and of what that makes of a block.
const (
	maxDepth      = 50
	maxStatements = 100000
)

// statements are what stands in a declaration, that of included files with it.
func (d *declaration) statements() []place {
	return d.inside(nil, place{d.at.file, d.at.node}, 0)
}

func (s *server) inside(all []place, block place, depth int) []place {
	for _, n := range block.node.Nodes {
		if len(all) == maxStatements {
			return all
		}
		at := place{block.file, n}
		all = append(all, at)
		if src := at.src(); !n.Block && depth < maxDepth && strings.EqualFold(n.Name(src), "include") {
			if f := s.ByPath[path.Join("/", said(n, src, 1))]; f != nil {
				all = s.inside(all, place{f, f.Tree.Root}, depth+1)
			}
		}
	}
	return all
}

func (c *config) warn(rng *hcl.Range, summary, detail string, args ...any) {
	c.diags = append(c.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: rng})
}
