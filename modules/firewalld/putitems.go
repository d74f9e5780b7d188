package firewalld

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/lens"
)

// items makes the elements of a set those that are wished. What comes takes the
// place of what goes, or else stands behind the last that is there.
func (w *writer) items(a attribute, want cty.Value) {
	wanted := map[string]bool{}
	if !want.IsNull() {
		for it := want.ElementIterator(); it.Next(); {
			if _, v := it.Element(); !v.IsNull() {
				wanted[v.AsString()] = true
			}
		}
	}
	var last *lens.Node
	var gone []*lens.Node
	for _, n := range w.nodes(a) {
		last = n
		s, ok := a.item.read(w.read, n)
		if _, stays := wanted[s]; ok && stays {
			wanted[s] = false
		} else if ok {
			gone = append(gone, n)
		}
	}
	var added []string
	for _, s := range slices.Sorted(maps.Keys(wanted)) {
		if !wanted[s] {
			continue
		}
		text, err := a.item.write(w.read, a.element, s, w.step())
		if err != nil {
			w.fail(a.name, err)
			return
		}
		added = append(added, text)
	}
	both := min(len(gone), len(added))
	for i := range both {
		w.file.Replace(gone[i].Whole, strings.ReplaceAll(added[i], "\n", lens.Newline(w.file.Source())+w.file.Tree.Indent(gone[i])))
		w.touched = true
	}
	w.remove(gone[both:])
	w.add(last, added[both:])
}

// step is what the file indents by; a new one, as firewalld.
func (w *writer) step() string {
	if len(w.root.Nodes) == 0 {
		return "  "
	}
	return w.file.Tree.Step()
}

// add puts elements behind another, or at the end.
func (w *writer) add(last *lens.Node, added []string) {
	if len(added) == 0 {
		return
	}
	w.touched = true
	if last == nil {
		w.tail = append(w.tail, added...)
		return
	}
	w.file.Tree.InsertAfter(last, strings.Join(added, "\n"))
}

// pairs makes the elements of a map those that are wished.
func (w *writer) pairs(a attribute, want cty.Value) {
	wanted := map[string]string{}
	if !want.IsNull() {
		for name, v := range want.AsValueMap() {
			if v.IsNull() {
				continue
			}
			wanted[name] = v.AsString()
		}
	}
	for name, value := range wanted {
		if err := checkPair(a.element, name, value); err != nil {
			w.fail(a.name, err)
			return
		}
	}
	if a.element == "destination" {
		w.destination(a, wanted)
		return
	}
	var last *lens.Node
	for _, n := range w.nodes(a) {
		last = n
		for _, p := range w.pair(n) {
			value, stays := wanted[p[0]]
			delete(wanted, p[0])
			switch word, there := w.read.Word(n, "value"); {
			case !stays:
				w.remove([]*lens.Node{n})
			case value == p[1]:
			case there:
				w.file.Replace(word, "value="+w.read.Quote(value))
				w.touched = true
			default:
				w.file.Insert(n.Words[len(n.Words)-1].End, " value="+w.read.Quote(value))
				w.touched = true
			}
		}
	}
	var added []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		text := "<option name=" + w.read.Quote(name)
		if v := wanted[name]; v != "" {
			text += " value=" + w.read.Quote(v)
		}
		added = append(added, text+"/>")
	}
	w.add(last, added)
}

// destination writes the one element that says where a service is let in to.
func (w *writer) destination(a attribute, wanted map[string]string) {
	nodes := w.nodes(a)
	if len(wanted) == 0 {
		w.remove(nodes)
		return
	}
	text := "<destination"
	for _, family := range slices.Sorted(maps.Keys(wanted)) {
		text += " " + family + "=" + w.read.Quote(wanted[family])
	}
	text += "/>"
	if len(nodes) == 0 {
		w.add(nil, []string{text})
		return
	}
	w.touched = true
	w.remove(nodes[1:])
	w.file.Replace(nodes[0].Whole, text)
}

func checkPair(element, name, value string) error {
	if element == "option" {
		if value != "" {
			if err := checkWord(value); err != nil {
				return err
			}
		}
		return checkWord(name)
	}
	if name != "ipv4" && name != "ipv6" {
		return fmt.Errorf("%q is no family of addresses: ipv4 or ipv6", name)
	}
	return checkNetwork(value)
}

// flush writes what was gathered: new attributes and elements.
func (w *writer) flush() {
	tree, src := w.file.Tree, w.file.Source()
	if len(w.words) > 0 {
		at := w.root.Words[0].End
		if names := w.read.Attributes(w.root); len(names) > 0 {
			word, _ := w.read.Word(w.root, names[len(names)-1])
			at = word.End
		}
		w.file.Insert(at, strings.Join(w.words, ""))
	}
	all := append(slices.Clone(w.head), w.tail...)
	if len(all) == 0 {
		return
	}
	if !w.root.Block { // <zone/>, or one with nothing but text
		nl, indent := lens.Newline(src), w.step()
		body := nl + indent + strings.ReplaceAll(strings.Join(all, "\n"), "\n", nl+indent) + nl
		if text, ok := w.read.TextWord(w.root); ok {
			w.file.Insert(text.End, body)
			return
		}
		slash := w.root.Whole.End - len("/>")
		w.file.Replace(lens.Span{Start: slash, End: w.root.Whole.End}, ">"+body+"</"+w.root.Name(src)+">")
		return
	}
	if first := w.root.Nodes; len(first) > 0 {
		if len(w.head) > 0 {
			tree.InsertBefore(first[0], strings.Join(w.head, "\n"))
		}
		all = w.tail
	}
	if len(all) > 0 {
		tree.AppendTo(w.root, strings.Join(all, "\n"))
	}
}
