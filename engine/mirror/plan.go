package mirror

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"

	"hikae/hosts"
)

// plan is what makes the target as the source is, in the order of its fields.
type plan struct {
	clear  []hosts.TreeOp // removed to make way for something of another type
	dirs   []hosts.TreeOp // parents first
	moves  []hosts.TreeOp
	files  []hosts.TreeOp // made or changed; those that are made are fetched
	links  []hosts.TreeOp
	gone   []hosts.TreeOp // children first
	finish []hosts.TreeOp // the metadata of directories, children first

	bytes       int64             // to be fetched
	overwritten map[string]bool   // files
	lost        int               // by how many entries the tree gets smaller
	held        map[string]string // files that there is no room for, and how much they want
	young       []string
	foreign     []string // on the target alone, and not brought
	blind       map[string]string
	full        bool
}

func (p *plan) count() int {
	return len(p.clear) + len(p.dirs) + len(p.moves) + len(p.files) + len(p.links) + len(p.gone) + len(p.finish)
}

func (p *plan) deletions() int { return len(p.clear) + len(p.gone) }

// planning turns differences into a plan.
type planning struct {
	plan
	m     *Mirror
	p     *pair
	come  map[string]*diff // files that are to be made anew or written
	went  map[string]*diff // what only the target has, and may be removed
	touch map[string]bool  // directories in which something changes
	metas map[string]*hosts.TreeEntry
}

// plan makes a plan. renamed are hints of where a path was before.
func (p *pair) plan(ctx context.Context, c *comparing, renamed map[string]string) (*plan, error) {
	pl := &planning{
		m: p.m, p: p, come: map[string]*diff{}, went: map[string]*diff{}, touch: map[string]bool{}, metas: map[string]*hosts.TreeEntry{},
	}
	pl.blind, pl.full = c.blind, c.full
	pl.overwritten, pl.held = map[string]bool{}, map[string]string{}
	linked := false
	for i := range c.diffs {
		d := &c.diffs[i]
		if c.blinded(d.path) {
			continue
		}
		if atOrBelow(d.path, c.hidden) {
			pl.foreign = append(pl.foreign, d.path)
			continue
		}
		if d.src != nil && d.src.Inode != 0 && !p.auditing && !same(d.src, d.dst) {
			continue // its other names were not told of: an audit finds it
		}
		linked = linked || d.src != nil && d.src.Inode != 0 || d.dst != nil && d.dst.Inode != 0
		pl.sort(d)
	}
	if err := pl.move(ctx, renamed); err != nil {
		return nil, err
	}
	if err := pl.known(ctx); err != nil {
		return nil, err
	}
	pl.write()
	if p.auditing && (linked || p.linksDiffer) {
		if err := pl.link(ctx); err != nil {
			return nil, err
		}
	}
	pl.remove()
	pl.ends()
	return &pl.plan, nil
}

// sort puts one difference where it belongs.
func (pl *planning) sort(d *diff) {
	if d.src == nil {
		if !d.dst.Known {
			pl.foreign = append(pl.foreign, d.path)
			return
		}
		pl.went[d.path] = d
		pl.lost++
		return
	}
	if d.src.Young && (d.dst == nil || !sameContent(d.src, d.dst)) && !pl.m.waitedFor(d.path) {
		pl.young = append(pl.young, d.path)
		return
	}
	if d.dst == nil {
		pl.lost--
	}
	if d.dst != nil && d.dst.Type == hosts.Dir && d.src.Type != hosts.Dir {
		pl.clear = append(pl.clear, hosts.TreeOp{Verb: hosts.TreeRemove, Path: d.path})
	}
	if d.src.Type != hosts.Dir {
		pl.come[d.path] = d
		return
	}
	if d.dst == nil || d.dst.Type != hosts.Dir {
		pl.dirs = append(pl.dirs, hosts.TreeOp{Verb: hosts.TreeMake, Path: d.path, Entry: *d.src})
		pl.touched(d.path)
	}
	pl.metas[d.path] = d.src
}

// touched notes that something in a path's directory changes, and so its time.
func (pl *planning) touched(p string) {
	if p != "." {
		pl.touch[path.Dir(p)] = true
	}
}

// move finds what is on the target already under another name: by a hint, or
// by a size and time that what is to come shares with what is to go, and then
// by its hash.
func (pl *planning) move(ctx context.Context, renamed map[string]string) error {
	bySize := map[[2]int64][]*diff{}
	for _, d := range pl.went {
		if d.dst.Type == hosts.File && d.dst.Content.Size > 0 && d.dst.Inode == 0 {
			k := [2]int64{d.dst.Content.Size, d.dst.MTime}
			bySize[k] = append(bySize[k], d)
		}
	}
	var to, from []*diff
	for _, p := range sorted(pl.come) {
		d := pl.come[p]
		if d.dst != nil || d.src.Type != hosts.File || d.src.Inode != 0 {
			continue
		}
		if w := pl.went[renamed[p]]; w != nil && w.dst.Inode == 0 && sameContent(d.src, w.dst) {
			pl.moved(d, w)
			continue
		}
		k := [2]int64{d.src.Content.Size, d.src.MTime}
		if l := bySize[k]; len(l) > 0 && !d.src.Hollow() {
			to, from = append(to, d), append(from, l[0])
			bySize[k] = l[1:]
		}
	}
	return pl.moveEqual(ctx, to, from)
}

// moveEqual moves those of the pairs whose bytes are the same.
func (pl *planning) moveEqual(ctx context.Context, to, from []*diff) error {
	if len(to) == 0 {
		return nil
	}
	src, err := pl.p.src.Stat(ctx, paths(to), true)
	if err != nil {
		return err
	}
	dst, err := pl.p.dst.Stat(ctx, paths(from), true)
	if err != nil {
		return err
	}
	for i := range to {
		a, b := src[i].Entry, dst[i].Entry
		if a != nil && b != nil && a.Content == b.Content && !a.Content.ID.IsZero() && pl.went[from[i].path] != nil {
			pl.moved(to[i], from[i])
		}
	}
	return nil
}

func (pl *planning) moved(d, from *diff) {
	e := *d.src
	pl.moves = append(pl.moves, hosts.TreeOp{Verb: hosts.TreeMove, Path: d.path, From: from.path, Entry: e})
	pl.touched(d.path)
	pl.touched(from.path)
	delete(pl.come, d.path)
	delete(pl.went, from.path)
	if !same(d.src, from.dst) {
		pl.files = append(pl.files, hosts.TreeOp{Verb: hosts.TreeMeta, Path: d.path, Entry: e})
	}
}

// known spares the transfer of files that differ in their metadata alone. One that
// has other names on the target is copied there, by its hash: they may be anywhere.
func (pl *planning) known(ctx context.Context) error {
	var maybe []*diff
	for _, p := range sorted(pl.come) {
		d := pl.come[p]
		if d.dst == nil || d.src.Type != hosts.File || d.dst.Type != hosts.File || d.src.Content.Size != d.dst.Content.Size || d.src.Content.Size == 0 || d.src.Hollow() {
			continue
		}
		if looks := d.src.Content.ID.IsZero() || d.dst.Content.ID.IsZero(); looks && (!sameContent(d.src, d.dst) || d.dst.Inode != 0) {
			maybe = append(maybe, d) // else they were compared
		}
	}
	if len(maybe) == 0 {
		return nil
	}
	src, dst, err := pl.p.stats(ctx, paths(maybe), true)
	if err != nil {
		return err
	}
	for i, d := range maybe {
		a, b := src[i].Entry, dst[i].Entry
		if a != nil && b != nil && a.Content == b.Content && !a.Content.ID.IsZero() {
			op := hosts.TreeOp{Verb: hosts.TreeMeta, Path: d.path, Entry: *d.src}
			if d.dst.Inode != 0 {
				op.Verb, op.From, op.Entry.Content = hosts.TreeCopy, d.path, a.Content
				pl.touched(d.path)
			}
			pl.files = append(pl.files, op)
			delete(pl.come, d.path)
		}
	}
	return nil
}

// write adds what is to be made or changed.
func (pl *planning) write() {
	for _, p := range sorted(pl.come) {
		d := pl.come[p]
		if d.dst != nil && sameContent(d.src, d.dst) && d.src.Type != hosts.Link && d.dst.Inode == 0 {
			pl.files = append(pl.files, hosts.TreeOp{Verb: hosts.TreeMeta, Path: p, Entry: *d.src})
			continue
		}
		pl.make(d)
	}
}

func (pl *planning) make(d *diff) {
	pl.files = append(pl.files, hosts.TreeOp{Verb: hosts.TreeMake, Path: d.path, Entry: *d.src})
	pl.bytes += d.src.Takes()
	pl.touched(d.path)
	if d.dst != nil && d.dst.Type == hosts.File {
		pl.overwritten[d.path] = true
	}
}

// link makes the same names be of one file as on the source.
func (pl *planning) link(ctx context.Context) error {
	src, dst, err := pl.groups(ctx)
	if err != nil {
		return err
	}
	ops := map[string]int{}
	for i, op := range pl.files {
		ops[op.Path] = i
	}
	dropped := map[string]bool{}
	group := map[string]int{} // of the target's, from 1
	for i, names := range dst {
		for _, n := range names {
			group[n] = i + 1
		}
	}
	for _, names := range src {
		pl.join(names, group, ops, dropped)
	}
	if err := pl.part(ctx, src, dst, ops, dropped); err != nil {
		return err
	}
	pl.files = slices.DeleteFunc(pl.files, func(op hosts.TreeOp) bool {
		if dropped[op.Path] && op.Verb == hosts.TreeMake {
			pl.bytes -= op.Entry.Takes()
		}
		return dropped[op.Path]
	})
	return nil
}

// groups are the names of each file that has several, on both sides.
func (pl *planning) groups(ctx context.Context) (src, dst [][]string, err error) {
	if pl.p.root == nil {
		err = both(
			func() (err error) { src, err = pl.p.src.Links(ctx); return err },
			func() (err error) { dst, err = pl.p.dst.Links(ctx); return err },
		)
		return src, dst, err
	}
	byInode := map[uint64][]string{} // the target has nothing, and all of the source is to come
	for _, p := range sorted(pl.come) {
		if ino := pl.come[p].src.Inode; ino != 0 {
			byInode[ino] = append(byInode[ino], p)
		}
	}
	for _, ino := range slices.Sorted(maps.Keys(byInode)) {
		if len(byInode[ino]) > 1 {
			src = append(src, byInode[ino])
		}
	}
	return src, nil, nil
}

// comparePaths puts a directory before what is in it, and that before what comes
// after the directory.
func comparePaths(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			switch {
			case a[i] == '/':
				return -1
			case b[i] == '/':
				return 1
			}
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// join makes the names of one file of the source be of one file on the target.
func (pl *planning) join(names []string, group map[string]int, ops map[string]int, dropped map[string]bool) {
	if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(pl.young, n) }) {
		return
	}
	master := names[0]
	for _, n := range names { // what need not be made is there already
		if i, changed := ops[n]; !changed || pl.files[i].Verb == hosts.TreeMeta {
			master = n
			break
		}
	}
	for _, n := range names {
		i, changed := ops[n]
		together := group[n] != 0 && group[n] == group[master]
		if n == master || together && (!changed || pl.files[i].Verb == hosts.TreeMeta) {
			continue
		}
		e := hosts.TreeEntry{Path: n, Node: hosts.Node{Type: hosts.File}}
		if changed {
			e = pl.files[i].Entry
			dropped[n] = true
		} else if d := pl.entryOf(master, ops); d != nil {
			e = *d
			e.Path = n
		}
		pl.links = append(pl.links, hosts.TreeOp{Verb: hosts.TreeLink, Path: n, From: master, Entry: e})
		pl.touched(n)
	}
}

func (pl *planning) entryOf(p string, ops map[string]int) *hosts.TreeEntry {
	if i, ok := ops[p]; ok {
		return &pl.files[i].Entry
	}
	return nil
}

// part makes names of one file on the target be of several, where the source
// has several: all but those that stay together with the first are made anew.
func (pl *planning) part(ctx context.Context, src, dst [][]string, ops map[string]int, dropped map[string]bool) error {
	of := map[string]int{} // of the source's groups, from 1; 0: alone
	for i, names := range src {
		for _, n := range names {
			of[n] = i + 1
		}
	}
	linked := map[string]bool{}
	for _, op := range pl.links {
		linked[op.Path] = true
	}
	var again []string
	for _, names := range dst {
		for _, n := range names[1:] {
			apart := of[n] == 0 || of[n] != of[names[0]]
			i, changed := ops[n]
			if apart && !linked[n] && (!changed || pl.files[i].Verb == hosts.TreeMeta) && pl.went[n] == nil {
				again = append(again, n)
			}
		}
	}
	if len(again) == 0 {
		return nil
	}
	now, err := pl.p.src.Stat(ctx, again, false)
	if err != nil {
		return err
	}
	for i, n := range again {
		if now[i].Entry == nil || now[i].Entry.Type == hosts.Dir || pl.blind[n] != "" {
			continue
		}
		if j, changed := ops[n]; changed {
			pl.files[j].Verb = hosts.TreeMake
			pl.bytes += pl.files[j].Entry.Takes()
			continue
		}
		pl.make(&diff{path: n, src: now[i].Entry})
	}
	return nil
}

// remove adds what is to go, children first.
func (pl *planning) remove() {
	conflicts := map[string]bool{}
	for _, op := range pl.clear {
		conflicts[op.Path] = true
	}
	for _, p := range slices.Backward(sorted(pl.went)) {
		op := hosts.TreeOp{Verb: hosts.TreeRemove, Path: p}
		pl.touched(p)
		if inside(p, conflicts) {
			pl.clear = append(pl.clear, op)
			continue
		}
		pl.gone = append(pl.gone, op)
	}
	slices.SortFunc(pl.clear, func(a, b hosts.TreeOp) int { return comparePaths(b.Path, a.Path) })
}

func inside(p string, dirs map[string]bool) bool {
	if len(dirs) == 0 {
		return false
	}
	for p != "." {
		if p = path.Dir(p); dirs[p] {
			return true
		}
	}
	return false
}

// ends adds the metadata of directories, whose times the rest has changed. That
// of those which did not differ is asked for when all else is done.
func (pl *planning) ends() {
	slices.SortFunc(pl.dirs, func(a, b hosts.TreeOp) int { return comparePaths(a.Path, b.Path) })
	for p := range pl.touch {
		if pl.metas[p] == nil && pl.went[p] == nil {
			pl.metas[p] = nil
		}
	}
	for _, p := range slices.Backward(sorted(pl.metas)) {
		op := hosts.TreeOp{Verb: hosts.TreeMeta, Path: p}
		if e := pl.metas[p]; e != nil {
			op.Entry = *e
		}
		pl.finish = append(pl.finish, op)
	}
}

func paths(ds []*diff) []string {
	out := make([]string, len(ds))
	for i, d := range ds {
		out[i] = d.path
	}
	return out
}

// sorted gives the keys so that a directory comes before what is in it.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return comparePaths(a, b) })
	return keys
}
