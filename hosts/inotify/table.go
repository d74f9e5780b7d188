package inotify

import (
	"hash/maphash"
	"slices"
)

// none is no directory.
const none = -1

// Flags of a directory.
const (
	flagKept    = 1 << iota // seen by the listing that is under way
	flagDead                // it is going away, with all below it
	flagRoot                // of the host
	flagWaiting             // of a file in it something waits
	flagFree                // it is nobody's
)

// dir is a directory that is watched, or looked at: 32 bytes, and its name.
type dir struct {
	parent, first, next, prev int32 // prev of a first child is its own last sibling's: none
	wd                        int32 // 0: none
	name                      uint32
	cover                     uint32
	nameLen                   uint8
	flags                     uint8
}

// table holds the directories, by number, as a tree. A directory that was
// renamed and whose new place is not known has no parent for a while.
type table struct {
	dirs  []dir
	free  []int32
	names []byte
	waste int // bytes of names that are nobody's

	seed  maphash.Seed
	slots []int32 // by parent and name: open addressing, none where empty
	used  int     // of the slots
	byWD  map[int32]int32
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed(), byWD: map[int32]int32{}}
	t.grow(64)
	t.dirs = append(t.dirs, dir{parent: none, first: none, next: none, prev: none, flags: flagRoot})
	return t
}

func (t *table) nameOf(n int32) []byte {
	d := &t.dirs[n]
	return t.names[d.name : d.name+uint32(d.nameLen)]
}

// path is where a directory is; false for one that is on its way or going.
func (t *table) path(n int32) (string, bool) {
	size := 0
	for i := n; t.dirs[i].flags&flagRoot == 0; i = t.dirs[i].parent {
		if t.dirs[i].flags&flagDead != 0 || t.dirs[i].parent == none {
			return "", false
		}
		size += 1 + int(t.dirs[i].nameLen)
	}
	if size == 0 {
		return "/", true
	}
	p := make([]byte, size)
	for i := n; size > 0; i = t.dirs[i].parent {
		name := t.nameOf(i)
		size -= len(name)
		copy(p[size:], name)
		size--
		p[size] = '/'
	}
	return string(p), true
}

func (t *table) hash(parent int32, name []byte) uint64 {
	return maphash.Bytes(t.seed, name) ^ uint64(uint32(parent))*0x9e3779b97f4a7c15 //nolint:gosec // bits
}

// slot is where (parent, name) is, or would be.
func (t *table) slot(parent int32, name []byte) int {
	mask := len(t.slots) - 1
	i := int(t.hash(parent, name)>>20) & mask
	for ; t.slots[i] != none; i = (i + 1) & mask {
		if n := t.slots[i]; t.dirs[n].parent == parent && string(t.nameOf(n)) == string(name) {
			break
		}
	}
	return i
}

// find gives the directory name in parent, or none.
func (t *table) find(parent int32, name []byte) int32 { return t.slots[t.slot(parent, name)] }

func (t *table) grow(size int) {
	old := t.slots
	t.slots = slices.Repeat([]int32{none}, size)
	for _, n := range old {
		if n != none {
			t.slots[t.slot(t.dirs[n].parent, t.nameOf(n))] = n
		}
	}
}

// make adds a directory that has no place yet.
func (t *table) make() int32 {
	d := dir{parent: none, first: none, next: none, prev: none}
	if last := len(t.free) - 1; last >= 0 {
		n := t.free[last]
		t.free = t.free[:last]
		t.dirs[n] = d
		return n
	}
	t.dirs = append(t.dirs, d)
	return int32(len(t.dirs) - 1) //nolint:gosec // as many as the kernel has watches
}

// attach gives a directory its place, where none is.
func (t *table) attach(n, parent int32, name []byte) {
	if t.used*2 >= len(t.slots) {
		t.grow(2 * len(t.slots))
	}
	d := &t.dirs[n]
	d.name, d.nameLen = uint32(len(t.names)), uint8(len(name)) //nolint:gosec // NAME_MAX is 255
	t.names = append(t.names, name...)
	d.parent, d.prev, d.next = parent, none, t.dirs[parent].first
	if d.next != none {
		t.dirs[d.next].prev = n
	}
	t.dirs[parent].first = n
	t.slots[t.slot(parent, name)] = n
	t.used++
}

// detach takes a directory, with all below it, out of its place.
func (t *table) detach(n int32) {
	d := &t.dirs[n]
	if d.parent == none {
		return
	}
	t.vacate(t.slot(d.parent, t.nameOf(n)))
	if d.prev != none {
		t.dirs[d.prev].next = d.next
	} else {
		t.dirs[d.parent].first = d.next
	}
	if d.next != none {
		t.dirs[d.next].prev = d.prev
	}
	t.waste += int(d.nameLen)
	d.parent, d.next, d.prev, d.nameLen = none, none, none, 0
	if t.waste > 1<<16 && t.waste > len(t.names)/2 {
		t.pack()
	}
}

// vacate empties a slot, and moves up those behind it that a search would not
// find any more.
func (t *table) vacate(i int) {
	mask := len(t.slots) - 1
	for j := i; ; {
		t.slots[i] = none
		for {
			j = (j + 1) & mask
			n := t.slots[j]
			if n == none {
				t.used--
				return
			}
			home := int(t.hash(t.dirs[n].parent, t.nameOf(n))>>20) & mask
			if (j-home)&mask >= (j-i)&mask {
				t.slots[i] = n
				i = j
				break
			}
		}
	}
}

// pack leaves out the names that are nobody's.
func (t *table) pack() {
	names := make([]byte, 0, len(t.names)-t.waste+len(t.names)/8)
	for n := range t.dirs {
		d := &t.dirs[n]
		name := t.nameOf(int32(n))
		d.name = uint32(len(names)) //nolint:gosec // fewer than before
		names = append(names, name...)
	}
	t.names, t.waste = names, 0
}

// release gives back a directory that has neither place nor children.
func (t *table) release(n int32) {
	t.setWD(n, 0)
	t.dirs[n].flags = flagDead | flagFree
	t.free = append(t.free, n)
}

// setWD says by which number the kernel tells of a directory; 0 by none.
func (t *table) setWD(n, wd int32) {
	if old := t.dirs[n].wd; old != 0 && t.byWD[old] == n {
		delete(t.byWD, old)
	}
	if t.dirs[n].wd = wd; wd != 0 {
		t.byWD[wd] = n
	}
}

// watched gives the directory of a number of the kernel's, or none.
func (t *table) watched(wd int32) int32 {
	if n, ok := t.byWD[wd]; ok {
		return n
	}
	return none
}

func (t *table) has(n int32, flag uint8) bool { return t.dirs[n].flags&flag != 0 }

func (t *table) set(n int32, flag uint8) { t.dirs[n].flags |= flag }

func (t *table) clear(n int32, flag uint8) { t.dirs[n].flags &^= flag }

// children calls fn for each; fn may take that one away.
func (t *table) children(n int32, fn func(int32)) {
	for c := t.dirs[n].first; c != none; {
		next := t.dirs[c].next
		fn(c)
		c = next
	}
}

// below reports whether n is of, or lies in it.
func (t *table) below(n, of int32) bool {
	for ; n != none; n = t.dirs[n].parent {
		if n == of {
			return true
		}
	}
	return false
}

// going reports whether n is let go of, or lies in what is.
func (t *table) going(n int32) bool {
	for ; n != none; n = t.dirs[n].parent {
		if t.has(n, flagDead) {
			return true
		}
	}
	return false
}
