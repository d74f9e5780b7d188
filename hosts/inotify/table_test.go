package inotify

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// The table is a tree of names, whatever is put into it and taken out.
func TestTable(t *testing.T) {
	if size := unsafe.Sizeof(dir{}); size > 32 {
		t.Errorf("a directory takes %d bytes", size)
	}
	rapid.Check(t, func(t *rapid.T) {
		tab := newTable()
		at := map[string]int32{"/": 0} // what is in place
		var away []int32               // what is not
		paths := func() []string { return slices.Sorted(maps.Keys(at)) }
		move := func(from, to string) {
			for _, p := range paths() {
				if p == from || len(p) > len(from) && p[:len(from)+1] == from+"/" {
					n := at[p]
					delete(at, p)
					if to != "" {
						at[to+p[len(from):]] = n
					}
				}
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			parent := rapid.SampledFrom(paths()).Draw(t, "parent")
			name := fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "name"))
			p := path.Join(parent, name)
			n, known := at[p]
			if got := tab.find(at[parent], []byte(name)); known && got != n || !known && got != none {
				t.Fatalf("%s is %d, want %d, %v", p, got, n, known)
			}
			switch {
			case !known && len(away) > 0 && rapid.Bool().Draw(t, "back"):
				n, away = away[0], away[1:]
				if tab.dirs[n].first != none { // its children are no more in the map
					tab.children(n, func(c int32) { tab.detach(c); away = append(away, c) })
				}
				tab.attach(n, at[parent], []byte(name))
				at[p] = n
			case !known:
				n = tab.make()
				tab.attach(n, at[parent], []byte(name))
				tab.setWD(n, n+1000)
				at[p] = n
			case rapid.Bool().Draw(t, "away"):
				tab.detach(n)
				away = append(away, n)
				move(p, "")
			case tab.dirs[n].first == none:
				tab.detach(n)
				tab.release(n)
				delete(at, p)
			default:
				to := rapid.SampledFrom(paths()).Draw(t, "to")
				dest := path.Join(to, name+"x")
				if _, taken := at[dest]; taken || tab.below(at[to], n) {
					continue
				}
				tab.detach(n)
				tab.attach(n, at[to], []byte(name+"x"))
				move(p, dest)
			}
			if rapid.IntRange(0, 20).Draw(t, "pack") == 0 {
				tab.pack()
			}
		}
		for p, n := range at {
			if got, ok := tab.path(n); !ok || got != p {
				t.Fatalf("%d is %q, %v, want %q", n, got, ok, p)
			}
			if wd := tab.dirs[n].wd; wd != 0 && tab.watched(wd) != n {
				t.Fatalf("%s: %d is watched as another", p, wd)
			}
		}
		for _, n := range away {
			if p, ok := tab.path(n); ok {
				t.Fatalf("%d is nowhere, and %s", n, p)
			}
		}
		if tab.used != len(at)-1 {
			// What lies in a directory that is away is in the table still.
			below := 0
			for n := range tab.dirs {
				if d := &tab.dirs[n]; d.parent != none {
					below++
				}
			}
			if below != tab.used {
				t.Fatalf("%d slots are used by %d", tab.used, below)
			}
		}
	})
}
