package engine

import (
	"maps"
	"slices"
	"strings"

	"hikae/engine/lens"
)

// KeptKey is a key of a file that is the host's own: it stays as the host has it,
// or, where the host has nothing of its own there, comes from the source.
type KeptKey struct {
	Path, Key string
	Here      string // what the host has, "" for none
	Source    string // what the source has, "" for none
	Taken     bool   // the host has nothing of its own: the source's is taken
	Why       string
	Secret    bool // the file is a secret: neither is shown
}

// keeper gives keys of one file the values that another has.
type keeper struct {
	grammar   lens.Grammar
	fold      func(string) string
	wish, own *lens.File
	done      map[lens.Span]bool        // of the wish, the statements that were seen to
	stands    map[*lens.Node]*lens.Node // of the wish, what stands for the host's own
	kept      []placed
}

// placed is a kept key, and where its statements are.
type placed struct {
	KeptKey
	key    string
	place  string
	called string // of a block, its words are meant
}

// keepFile makes the statements of a file that keys lead to those of the host's
// own file:
//
//   - those of both are written as the host's own are;
//   - one that only the source has is taken out, where the block that it stands in
//     is in the host's own file too: not to say something is the host's own as well;
//   - one that only the host has is added, if the block is there, or if the key
//     names the block: "mysqld.server_id" makes a section, "*.pm" does not;
//   - of a block that is called by something else than its words (lens.Grammar's
//     Called) it is these words that stay, and what is in it does not.
func keepFile(g lens.Grammar, wish, own []byte, keys map[string]string) ([]byte, []placed, error) {
	k := keeper{grammar: g, fold: spelling(g), done: map[lens.Span]bool{}, stands: map[*lens.Node]*lens.Node{}}
	var err error
	if k.own, err = g.Parse(own); err != nil {
		return nil, nil, err
	}
	if k.wish, err = g.Parse(wish); err != nil {
		return nil, nil, err
	}
	w, o := blocksOf(k.wish, g), blocksOf(k.own, g)
	for _, key := range sortedKeys(keys) {
		k.key(key, keys[key], w, o)
	}
	out, err := k.wish.Bytes()
	return out, k.kept, err
}

// spelling makes two spellings of a name one.
func spelling(g lens.Grammar) func(string) string {
	if g.Fold == nil {
		return func(s string) string { return s }
	}
	return g.Fold
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// blocks are the blocks of a file by their place, and where each node stands.
type blocks struct {
	at   map[string]*lens.Node // of several at one place, the last
	name map[string]string     // as it is written
	in   map[*lens.Node]string
}

const placeMark = "\x00"

// blocksOf finds the blocks of a file. A place is the words of the blocks from
// the outermost on; that of the file is "".
func blocksOf(f *lens.File, g lens.Grammar) blocks {
	fold := spelling(g)
	b := blocks{at: map[string]*lens.Node{"": f.Root}, in: map[*lens.Node]string{}, name: map[string]string{}}
	same := func(s string) string { return s }
	var visit func(n *lens.Node, place string)
	visit = func(n *lens.Node, place string) {
		for _, c := range n.Nodes {
			b.in[c] = place
			if c.Block {
				head, name := words(f, c, fold), words(f, c, same)
				if called := calledBy(g, f, c); called != "" {
					name = c.Name(f.Source()) + " " + called
					head = fold(name)
				}
				inner := place + head + placeMark
				b.at[inner], b.name[inner] = c, b.name[place]+name+"."
				visit(c, inner)
			}
		}
	}
	visit(f.Root, "")
	return b
}

// calledBy is what a block is called by that is not called by its words, or "".
func calledBy(g lens.Grammar, f *lens.File, n *lens.Node) string {
	if g.Called == nil || !n.Block {
		return ""
	}
	return g.Called(f, n)
}

func words(f *lens.File, n *lens.Node, fold func(string) string) string {
	all := make([]string, len(n.Words))
	for i := range n.Words {
		all[i] = n.Word(f.Source(), i)
	}
	return fold(strings.Join(all, " "))
}

// byPlace are nodes by the place of the block that they stand in.
func (b blocks) byPlace(nodes []*lens.Node) map[string][]*lens.Node {
	m := map[string][]*lens.Node{}
	for _, n := range nodes {
		m[b.in[n]] = append(m[b.in[n]], n)
	}
	return m
}

func (k *keeper) key(key, why string, w, o blocks) {
	ourBlocks, ourNodes := k.apart(k.wish, key)
	ownBlocks, ownNodes := k.apart(k.own, key)
	k.heads(key, why, w.byPlace(ourBlocks), o.byPlace(ownBlocks), w)
	ours := w.byPlace(slices.DeleteFunc(ourNodes, func(n *lens.Node) bool { return k.done[n.Whole] }))
	own := o.byPlace(ownNodes)
	places := map[string]string{}
	for p := range ours {
		places[p] = ""
	}
	for p := range own {
		places[p] = ""
	}
	for _, p := range sortedKeys(places) {
		if o.at[p] == nil {
			continue // the host has no such block, and so nothing of its own in it
		}
		if w.at[p] == nil && (p == "" || strings.Count(p, placeMark) != 1 || strings.HasPrefix(key, "*")) {
			continue // the block is gone from the source, with all that is in it
		}
		k.at(key, why, p, ours[p], own[p], w.at[p], o)
	}
}

// apart are the nodes that a key leads to: the blocks whose words stay, and the
// statements.
func (k *keeper) apart(f *lens.File, key string) (heads, nodes []*lens.Node) {
	for _, n := range f.Find(key, k.fold) {
		if calledBy(k.grammar, f, n) != "" {
			heads = append(heads, n)
		} else {
			nodes = append(nodes, n)
		}
	}
	return heads, nodes
}

// heads gives blocks the words of the host's own that are called the same.
func (k *keeper) heads(key, why string, ours, own map[string][]*lens.Node, w blocks) {
	for _, place := range slices.Sorted(maps.Keys(ours)) {
		nodes := ours[place]
		of := map[string]*lens.Node{}
		for _, n := range own[place] {
			of[calledBy(k.grammar, k.own, n)] = n
		}
		for _, n := range nodes {
			called := calledBy(k.grammar, k.wish, n)
			here := of[called]
			if here == nil {
				continue
			}
			is, be := arguments(k.wish, n), arguments(k.own, here)
			if slices.Equal(is, be) {
				continue
			}
			k.wish.SetArguments(n, be)
			k.kept = append(k.kept, placed{key: key, place: place, called: called, KeptKey: KeptKey{
				Key: w.name[place] + n.Name(k.wish.Source()) + " " + called, Here: strings.Join(be, " "), Source: strings.Join(is, " "), Why: why,
			}})
		}
	}
}

// arguments are the words of a node behind its first.
func arguments(f *lens.File, n *lens.Node) []string {
	var out []string
	for i := 1; i < len(n.Words); i++ {
		out = append(out, n.Word(f.Source(), i))
	}
	return out
}

// saysAt is what a file says where a key was kept.
func (p placed) saysAt(f *lens.File, g lens.Grammar) string {
	nodes := f.Find(p.key, spelling(g))
	if p.called == "" {
		return saysOf(f, blocksOf(f, g).byPlace(nodes)[p.place])
	}
	for _, n := range nodes {
		if calledBy(g, f, n) == p.called {
			return strings.Join(arguments(f, n), " ")
		}
	}
	return ""
}

// at sees to the statements of one key in one block.
func (k *keeper) at(key, why, place string, ours, own []*lens.Node, in *lens.Node, o blocks) {
	for _, n := range ours {
		k.done[n.Whole] = true
	}
	here, source := saysOf(k.own, own), saysOf(k.wish, ours)
	if here == source {
		return
	}
	p := placed{key: key, place: place, KeptKey: KeptKey{Key: k.nameOf(ours, own, o.name[place]), Here: here, Source: source, Why: why}}
	k.kept = append(k.kept, p)
	both := min(len(ours), len(own))
	for i := range both {
		k.stands[own[i]] = ours[i]
		if text := own[i].Whole.Of(k.own.Source()); text != ours[i].Whole.Of(k.wish.Source()) {
			k.wish.Replace(ours[i].Whole, text)
		}
	}
	for _, n := range ours[both:] {
		k.wish.Remove(n)
	}
	if len(own) > both {
		var lines []string
		for _, n := range own[both:] {
			lines = append(lines, n.Whole.Of(k.own.Source()))
		}
		k.add(strings.Join(lines, "\n"), ours, own, in, o.at[place])
	}
}

// add writes statements that the wish has not: behind others of their key, or
// behind what they follow in the host's own file, or first in their block.
func (k *keeper) add(text string, ours, own []*lens.Node, in, ownIn *lens.Node) {
	if len(ours) > 0 {
		k.wish.InsertAfter(ours[min(len(ours), len(own))-1], text)
		return
	}
	if in == nil { // the block is the host's own too
		src := k.own.Source()
		head := strings.TrimRight(lens.Span{Start: ownIn.Whole.Start, End: ownIn.Body.Start}.Of(src), "\r\n")
		block := head + "\n" + k.wish.Step() + text
		if ownIn.Body.End == ownIn.Whole.End { // a section: nothing closes it, nothing is indented
			block = head + "\n" + text
		} else {
			block += "\n" + lens.Span{Start: ownIn.Body.End, End: ownIn.Whole.End}.Of(src)
		}
		k.wish.AppendTo(k.wish.Root, block)
		return
	}
	for _, n := range slices.Backward(ownIn.Nodes[:slices.Index(ownIn.Nodes, own[0])]) {
		if w := k.same(n, in); w != nil {
			k.wish.InsertAfter(w, text)
			return
		}
	}
	for _, n := range in.Nodes {
		if !k.done[n.Whole] {
			k.wish.InsertBefore(n, text)
			return
		}
	}
	k.wish.AppendTo(in, text)
}

// same is the statement of a block of the wish that is, or stands for, one of the
// host's own.
func (k *keeper) same(own *lens.Node, in *lens.Node) *lens.Node {
	if w := k.stands[own]; w != nil {
		return w
	}
	text := own.Whole.Of(k.own.Source())
	for _, n := range in.Nodes {
		if n.Whole.Len() == len(text) && !k.done[n.Whole] && n.Whole.Of(k.wish.Source()) == text {
			return n
		}
	}
	return nil
}

// saysOf is what statements say, in a line: their words but for the name.
func saysOf(f *lens.File, nodes []*lens.Node) string {
	var all []string
	for _, n := range nodes {
		text := ""
		if len(n.Words) > 0 {
			text = lens.Span{Start: n.Words[0].End, End: n.Whole.End}.Of(f.Source())
		}
		text = strings.Join(strings.Fields(text), " ")
		text = strings.TrimSuffix(strings.TrimLeft(text, "= "), ";")
		if text == "" {
			text = "(set)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// nameOf is a key as it is told, with its blocks.
func (k *keeper) nameOf(ours, own []*lens.Node, in string) string {
	if len(ours) > 0 {
		return in + ours[0].Name(k.wish.Source())
	}
	return in + own[0].Name(k.own.Source())
}
