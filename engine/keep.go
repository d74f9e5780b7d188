package engine

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"hikae/engine/lens"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Keeping is how Desired.Keep gets at what it needs.
type Keeping struct {
	Rules  []rules.KeepRule
	Lenses []Lens
	// Read gives contents by their names, in the clear, those of secrets too;
	// it is called once. What is not to be had is left out.
	Read func([]hosts.Content) (map[hosts.ID][]byte, error)
	// Foreign reports whether a text can be true on the source alone: it names
	// what is the source's own, and nobody else. What a package installed there is
	// kept then.
	Foreign func(text []byte) bool
	// Name names the bytes of a path as the read of a host will.
	Name func(path string, mode uint32, b []byte) hosts.Content
}

// Keep has keys inside files stay as a host has them: see keepFile. A file that
// the host has not, or has just as a package installed it, says nothing of the
// host's own, and the source's keys are taken; but not what can be on the source
// alone (Foreign), where a package's own is there. What an overlay says of a key
// wins.
//
// The result shares with d what is not changed. Only for a host that follows
// another.
func (d *Desired) Keep(act *Actual, k Keeping) (*Desired, error) {
	files, err := d.keeps(act, k)
	if err != nil || len(files) == 0 {
		return d, err
	}
	var want []hosts.Content
	for _, f := range files {
		want = append(want, f.wish.Content)
		if f.own != nil {
			want = append(want, f.own.Content)
		} else if ground := d.ground(f.addr); ground != nil {
			want = append(want, ground.Content)
		}
		if f.shipped != nil {
			want = append(want, f.shipped.Content)
		}
	}
	texts, err := k.Read(want)
	if err != nil {
		return nil, err
	}
	out := *d
	out.Resources, out.Pristine = maps.Clone(d.Resources), maps.Clone(d.Pristine)
	out.Inline, out.kept = maps.Clone(d.Inline), nil
	made := map[string][]byte{}
	for _, f := range files {
		if b := out.keepIn(f, k, texts); b != nil {
			made[f.addr.Name] = b
			out.place(f, b, k.Name)
		}
	}
	if len(made) == 0 {
		return &out, nil
	}
	return &out, out.overlayAgain(act.Facts, files, made, k)
}

// keepable is a file that has keys which stay.
type keepable struct {
	addr    Addr
	wish    *hosts.Node // what is wished, without them
	own     *hosts.Node // what the host has; nil where that is not its own
	shipped *hosts.Node // what its package installed, where that is what it has
	from    *Resource   // what it is made of
	keys    map[string]string
	grammar lens.Grammar
	kept    []placed
}

// keeps finds the files: those that are wished and are not what is there.
func (d *Desired) keeps(act *Actual, k Keeping) ([]*keepable, error) {
	m, err := newKeepMatcher(k)
	if err != nil {
		return nil, err
	}
	var files []*keepable
	for _, wishes := range []map[Addr]*Resource{d.Resources, d.Pristine} {
		for a, r := range wishes {
			if a.Kind != "file" || d.said[a]["content"] || d.conflicted(a) {
				continue
			}
			f := m.match(a)
			if f == nil {
				continue
			}
			if f.from = r; d.Resources[a] == nil {
				f.from = pristineWish(act.Resources[a])
			}
			if f.from == nil || f.from.Node == nil || f.from.Node.Type != hosts.File {
				continue
			}
			f.wish = f.from.Node
			have := act.Resources[a]
			isFile := have != nil && have.Node != nil && have.Node.Type == hosts.File
			if isFile && have.Node.Content == f.wish.Content {
				continue
			}
			switch {
			case isFile && have.IsPristine():
				f.shipped = have.Node
			case isFile:
				f.own = have.Node
			}
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b *keepable) int { return a.addr.Compare(b.addr) })
	return files, nil
}

// pristineWish is a host's file as its package installed it, where it is not so.
func pristineWish(have *Resource) *Resource {
	if have == nil || have.Pristine == nil || have.IsPristine() || have.Node.Type != hosts.File {
		return nil
	}
	r := *have
	r.Node = have.Pristine.Clone()
	return &r
}

// keepIn gives the text of a file with the host's own keys; nil where nothing
// comes of it. What is kept, and what is taken, is noted.
func (d *Desired) keepIn(f *keepable, k Keeping, texts map[hosts.ID][]byte) []byte {
	wish, ok := texts[f.wish.Content.ID]
	secret := f.wish.Content.Sealed || f.own != nil && f.own.Content.Sealed
	if !ok && f.wish.Content.Size > 0 {
		return nil // said when it is applied
	}
	if f.own == nil {
		ground := wish
		if n := d.ground(f.addr); n != nil {
			ground = texts[n.Content.ID]
		}
		keys := f.foreign(wish, k.Foreign)
		d.kept = append(d.kept, taken(f, wish, ground, keys, secret)...)
		if f.shipped == nil || len(keys) == 0 {
			return nil
		}
		f.own, f.keys = f.shipped, keys
	}
	own, ok := texts[f.own.Content.ID]
	if !ok && f.own.Content.Size > 0 {
		return nil // it changes right now
	}
	b, kept, err := keepFile(f.grammar, wish, own, f.keys)
	if err != nil {
		d.kept = append(d.kept, KeptKey{Path: f.addr.Name, Taken: true, Secret: secret,
			Why: "its keys cannot be told apart, and the source's are taken: " + err.Error()})
		return nil
	}
	for i := range kept {
		kept[i].Path, kept[i].Secret = f.addr.Name, secret
	}
	f.kept = kept
	for _, p := range kept {
		d.kept = append(d.kept, p.KeptKey)
	}
	if len(kept) == 0 {
		return nil
	}
	return b
}

// ground is what the source has at a path, without overlays.
func (d *Desired) ground(a Addr) *hosts.Node {
	if d.source == nil {
		return nil
	}
	for i := range d.source.Resources {
		if r := &d.source.Resources[i]; r.Addr == a && r.Node != nil && r.Node.Type == hosts.File {
			return r.Node
		}
	}
	return nil
}

// foreign are the keys whose values can be on the source alone.
func (f *keepable) foreign(wish []byte, foreign func([]byte) bool) map[string]string {
	tree, err := f.grammar.Parse(wish)
	if err != nil || foreign == nil || f.shipped == nil {
		return nil
	}
	keys := map[string]string{}
	for key, why := range f.keys {
		for _, n := range tree.Find(key, spelling(f.grammar)) {
			if foreign([]byte(n.Whole.Of(wish))) {
				keys[key] = why
			}
		}
	}
	return keys
}

// taken are the keys that come from the source, for the host has none, and that
// no overlay says.
func taken(f *keepable, wish, ground []byte, but map[string]string, secret bool) []KeptKey {
	tree, err := f.grammar.Parse(wish)
	if err != nil {
		return nil // its daemon's checker will say so
	}
	was, err := f.grammar.Parse(ground)
	if err != nil {
		was = tree
	}
	fold := spelling(f.grammar)
	in, before := blocksOf(tree, f.grammar), blocksOf(was, f.grammar)
	var out []KeptKey
	for _, key := range sortedKeys(f.keys) {
		byPlace, wasThere := in.byPlace(tree.Find(key, fold)), before.byPlace(was.Find(key, fold))
		places := map[string]string{}
		for p := range byPlace {
			places[p] = ""
		}
		for _, p := range sortedKeys(places) {
			if calledBy(f.grammar, tree, byPlace[p][0]) != "" {
				continue // whether it is of a host shows in its words: see lint
			}
			says := saysOf(tree, byPlace[p])
			if _, kept := but[key]; kept || says != saysOf(was, wasThere[p]) {
				continue
			}
			out = append(out, KeptKey{
				Path: f.addr.Name, Key: in.name[p] + byPlace[p][0].Name(wish), Source: says,
				Taken: true, Why: f.keys[key], Secret: secret,
			})
		}
	}
	return out
}

// place wishes a text in the place of a file's.
func (d *Desired) place(f *keepable, b []byte, name func(string, uint32, []byte) hosts.Content) {
	r := *f.from
	r.Node = f.from.Node.Clone()
	r.Node.Content = name(f.addr.Name, r.Node.Mode, b)
	d.Inline[r.Node.Content.ID] = Inline{Data: b}
	delete(d.Pristine, f.addr)
	d.Resources[f.addr] = &r
}

// overlayAgain lays the overlays of lenses over the files whose keys were kept:
// what an overlay says of a key wins, though it be what the source has too.
func (d *Desired) overlayAgain(facts hosts.Facts, files []*keepable, made map[string][]byte, k Keeping) error {
	said := false
	for _, e := range d.edits {
		tree := d.tree(facts, made)
		changed, _, diags := e.lens.Put(tree, e.edits)
		if diags.HasErrors() {
			return fmt.Errorf("cannot lay the overlays of %s over what this host keeps: %w", LensName(e.lens), diags)
		}
		for _, c := range changed {
			i := slices.IndexFunc(files, func(f *keepable) bool { return f.addr.Name == c.Path })
			if made[c.Path] == nil || i < 0 || c.Remove {
				continue
			}
			made[c.Path], said = c.Bytes, true
			d.place(files[i], c.Bytes, k.Name)
		}
	}
	if said {
		d.kept = slices.DeleteFunc(d.kept, func(key KeptKey) bool { return overlaid(key, files, made) })
	}
	return nil
}

// overlaid reports whether a key that was kept is what an overlay says after all.
func overlaid(key KeptKey, files []*keepable, made map[string][]byte) bool {
	for _, f := range files {
		b := made[key.Path]
		if f.addr.Name != key.Path || b == nil {
			continue
		}
		for _, p := range f.kept {
			if p.KeptKey != key {
				continue
			}
			tree, err := f.grammar.Parse(b)
			if err != nil {
				return false
			}
			return p.saysAt(tree, f.grammar) != key.Here
		}
	}
	return false
}

// tree is the tree of the files that are wished, some of whose texts are at hand.
func (d *Desired) tree(facts hosts.Facts, made map[string][]byte) Tree {
	return NewTree(facts, d.files, func(p string, n *hosts.Node) ([]byte, error) {
		if b, ok := made[p]; ok {
			return b, nil
		}
		if in, ok := d.Inline[n.Content.ID]; ok && in.From == "" {
			return in.Data, nil
		}
		if n.Content.Sealed || d.bytes == nil {
			return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrPermission}
		}
		return d.bytes(n.Content)
	})
}
