package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hikae/hosts"
)

// Old versions make way for what comes: the oldest first, no more than it takes,
// none of the last day, and none in vain.
func TestVersionsMakeRoom(t *testing.T) {
	needRoot(t)
	const mib, day = 1 << 20, 24 * time.Hour
	ages := []time.Duration{6 * day, 5 * day, 2 * day, 2 * time.Hour} // each of 8 MiB; 32 of 64 are free
	for name, c := range map[string]struct {
		size     int64
		versions time.Duration
		keepFree int
		left     int // of the versions
		fits     bool
	}{
		"there is room":               {size: 20 * mib, versions: 7 * day, left: 4, fits: true},
		"the oldest":                  {size: 36 * mib, versions: 7 * day, left: 3, fits: true},
		"two":                         {size: 44 * mib, versions: 7 * day, left: 2, fits: true},
		"all but the last day's":      {size: 52 * mib, versions: 7 * day, left: 1, fits: true},
		"not even then":               {size: 60 * mib, versions: 7 * day, left: 4},
		"more than there is":          {size: 1 << 40, versions: 7 * day, left: 4},
		"room to keep":                {size: 36 * mib, versions: 7 * day, keepFree: 10, left: 2, fits: true},
		"room to keep, not even then": {size: 52 * mib, versions: 7 * day, keepFree: 10, left: 4},
		"kept for an hour":            {size: 44 * mib, versions: time.Hour, left: 2, fits: true},
	} {
		t.Run(name, func(t *testing.T) {
			h, root := newHost(t)
			write(t, root, "srv/x", "")
			write(t, root, "var/lib/x", "")
			mount(t, "tmpfs", filepath.Join(root, "srv"), "tmpfs", 0, "size=64m,mode=755")
			write(t, root, "srv/data/x", "x")
			kept := filepath.Join(root, "srv", versionsDir, "data")
			if err := os.MkdirAll(kept, 0o700); err != nil {
				t.Fatal(err)
			}
			now := time.Now().UTC()
			for _, age := range ages {
				dir := filepath.Join(kept, now.Add(-age).Format(versionTime), "d")
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 8*mib-8192), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(kept, "not-ours"), 0o700); err != nil {
				t.Fatal(err)
			}
			tr, err := h.OpenTree("/srv/data", hosts.TreeOptions{Write: true, Versions: int64(c.versions / time.Second), KeepFree: c.keepFree})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			room, err := tr.Room()
			if err != nil {
				t.Fatal(err)
			}
			if (room >= c.size) != c.fits {
				t.Errorf("there is room for %d MiB", room>>20)
			}
			op := hosts.TreeOp{Verb: hosts.TreeMake, Path: "f", Entry: hosts.TreeEntry{
				Path: "f", Node: hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: c.size}},
			}}
			err = tr.Do(t.Context(), op, func(_ func([]byte) error, hole func(int64) error) error { return hole(c.size) })
			if (err == nil) != c.fits || err != nil && !errors.Is(err, hosts.ErrNoRoom) {
				t.Errorf("it is %v", err)
			}
			var left []string
			for _, age := range ages {
				name := now.Add(-age).Format(versionTime)
				if _, err := os.Stat(filepath.Join(kept, name)); err == nil {
					left = append(left, name)
				}
			}
			if len(left) != c.left || len(left) > 0 && left[len(left)-1] != now.Add(-ages[3]).Format(versionTime) {
				t.Errorf("left is %q, want %d", left, c.left)
			}
			told := tr.Pruned()
			if gone := len(ages) - len(left); c.versions == 7*day && gone > 0 != !told.IsZero() {
				t.Errorf("%d went; it tells of %v", gone, told)
			} else if !told.IsZero() && !told.Equal(now.Add(-ages[gone-1]).Truncate(time.Second)) {
				t.Errorf("%d went; it tells of %v", gone, told)
			}
			if _, err := os.Stat(filepath.Join(kept, "not-ours")); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is too old goes, of a day at a time.
func TestVersionsAreDue(t *testing.T) {
	var all []version
	for _, hours := range []int{200, 190, 177, 176, 170, 169, 167, 1} {
		all = append(all, version{at: time.Now().Add(-time.Duration(hours) * time.Hour)})
	}
	const week = 7 * 24 * time.Hour
	for i, want := range []int{3, 3, 0} { // the next passes: 176, 170, 169, and then none
		if got := due(all, week); len(got) != want {
			t.Fatalf("pass %d: %d go, want %d", i, len(got), want)
		}
		all = all[want:]
	}
	if got := due(nil, week); len(got) != 0 {
		t.Errorf("of none %d go", len(got))
	}
}

// A file that takes more than was said of it leaves the room that is to stay.
func TestTakesMoreThanSaid(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	write(t, root, "srv/x", "")
	write(t, root, "var/lib/x", "")
	mount(t, "tmpfs", filepath.Join(root, "srv"), "tmpfs", 0, "size=64m,mode=755")
	write(t, root, "srv/data/x", "x")
	opened, err := h.OpenTree("/srv/data", hosts.TreeOptions{Write: true, KeepFree: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	tr := opened.(*tree)
	const mib = 1 << 20
	for size, fits := range map[int64]bool{20 * mib: true, 48 * mib: false} {
		op := hosts.TreeOp{Verb: hosts.TreeMake, Path: "f", Entry: hosts.TreeEntry{
			Path: "f", Node: hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: size}}, Sparse: true,
		}}
		given := int64(0)
		err := tr.Do(t.Context(), op, func(data func([]byte) error, _ func(int64) error) error {
			for ; given < size; given += mib {
				if err := data(make([]byte, mib)); err != nil {
					return err
				}
			}
			return nil
		})
		if fits != (err == nil) || !fits && (!errors.Is(err, hosts.ErrNoRoom) || given > 34*mib) {
			t.Errorf("of %d MiB %d are written: %v", size/mib, given/mib, err)
		}
		if err := os.RemoveAll(filepath.Join(root, "srv/data/f")); err != nil {
			t.Fatal(err)
		}
	}
}
