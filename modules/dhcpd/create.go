package dhcpd

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// create adds a declaration.
func (p *put) create(s *server, e engine.Edit) {
	head, ok := p.head(e)
	if !ok {
		return
	}
	var lines []string
	for _, set := range settings(e.Addr.Kind) {
		want, ok := e.Attrs[set.attr]
		if !ok || want.IsNull() {
			continue
		}
		texts, ok := p.written(set, s.version, want, e)
		if !ok {
			return
		}
		for _, text := range texts {
			lines = append(lines, set.key(s.version)+" "+text+";")
		}
	}
	block, ok := p.placeFor(s, e)
	if !ok {
		return
	}
	body := head + " {\n"
	for _, l := range lines {
		body += block.file.Tree.Step() + l + "\n"
	}
	body += "}"
	p.Touch(block.file, e.Addr)
	if block.node == block.file.Tree.Root {
		if last := s.lastTop(e.Addr.Kind, block.file); last != nil {
			block.file.Tree.InsertAfter(last, body)
			return
		}
	}
	block.file.Tree.AppendTo(block.node, body)
}

// head is what stands before the brace.
func (p *put) head(e engine.Edit) (string, bool) {
	if e.Addr.Kind == SubnetKind {
		net := netip.MustParsePrefix(e.Addr.Name)
		if net.Addr().Is4() {
			return "subnet " + net.Addr().String() + " netmask " + netmask(net), true
		}
		return "subnet6 " + net.String(), true
	}
	if !hostName().MatchString(e.Addr.Name) {
		p.Fail(e.RangeOf(""), "Not a host's name", "%q cannot be one: letters, digits, - and _, with dots between.", e.Addr.Name)
		return "", false
	}
	return "host " + e.Addr.Name, true
}

// placeFor is the block that a new declaration stands in: the file itself where
// nothing is said.
func (p *put) placeFor(s *server, e engine.Edit) (place, bool) {
	if w, ok := e.Attrs[attrWithin]; ok && !w.IsNull() {
		if block, ok := s.within(w.AsString(), e.Addr.Kind); ok {
			return block, true
		}
		p.Fail(e.RangeOf(attrWithin), "Nowhere to declare it", "%q is no shared-network%s that is there.", w.AsString(),
			map[string]string{HostKind: " nor subnet"}[e.Addr.Kind])
		return place{}, false
	}
	f := s.ByPath[s.main]
	if f == nil {
		if _, err := p.tree.Stat(s.main); !errors.Is(err, fs.ErrNotExist) {
			p.Fail(e.RangeOf(""), "File cannot be edited", "%s is there and cannot be read.", s.main)
			return place{}, false
		}
		made, err := lensput.Make(s.main, grammar())
		if err != nil {
			p.Fail(e.RangeOf(""), "File cannot be written", "%s.", err)
			return place{}, false
		}
		f = made
		s.Know(s.main, f)
	}
	return place{f, f.Tree.Root}, true
}

// within is the block that an attribute names.
func (s *server) within(name, kind string) (place, bool) {
	if at, ok := s.networks[name]; ok {
		return at, true
	}
	if kind == HostKind {
		for _, d := range s.declared {
			path := "subnet " + strings.Join(wordsFrom(d.at.node, d.at.src(), 1), " ")
			if d.within != "" {
				path = d.within + " / " + path
			}
			if d.addr.Kind == SubnetKind && path == name {
				return d.at, true
			}
		}
	}
	return place{}, false
}

// lastTop is the last declaration of a kind in a file that stands in no block.
func (s *server) lastTop(kind string, f *lensput.File) *lens.Node {
	var last *lens.Node
	for _, d := range s.declared {
		if d.addr.Kind == kind && d.at.file == f && d.within == "" {
			last = d.at.node
		}
	}
	return last
}
