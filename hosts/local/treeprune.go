package local

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

const (
	pruneEvery = time.Hour
	// pruneSpan is of how long a time the versions go at once: a clock that is far
	// ahead for an hour costs the oldest day, not all of them.
	pruneSpan = 24 * time.Hour
	// keptAnyway is for how long a version stays whatever room it takes: what
	// fills a disk, be it by mistake or to be rid of them, leaves a day to notice.
	keptAnyway = 24 * time.Hour
	// countEvery is for how long what old versions take is not counted again.
	countEvery = time.Minute
)

// version is what was overwritten or removed within one second.
type version struct {
	name string // of its directory
	at   time.Time
}

// list gives the versions in a directory of them, the oldest first.
func (k *versions) list(d dirFD) ([]version, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	all := make([]version, 0, len(names))
	for _, name := range names {
		second, _, _ := strings.Cut(name, "Z.")
		if at, err := time.Parse(versionTime, strings.TrimSuffix(second, "Z")+"Z"); err == nil { // else nothing of ours
			all = append(all, version{name, at})
		}
	}
	slices.SortFunc(all, func(a, b version) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return all, nil
}

// older gives those of the versions, the oldest first, that are of more than an age.
func older(all []version, age time.Duration) []version {
	n := 0
	for n < len(all) && time.Since(all[n].at) > age {
		n++
	}
	return all[:n]
}

// open opens the directory of the versions with what is in it; -1 where there is none.
func (k *versions) open() (dirFD, []version, error) {
	d, err := k.root(false)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil, nil
	}
	if err != nil {
		return -1, nil, err
	}
	all, err := k.list(d)
	if err != nil {
		d.Close()
		return -1, nil, err
	}
	return d, all, nil
}

// prune removes versions that are older than they need be, now and then.
func (k *versions) prune() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.pruned) < pruneEvery {
		return nil
	}
	k.pruned = time.Now()
	d, all, err := k.open()
	if err != nil || d < 0 {
		return err
	}
	defer d.Close()
	return removeVersions(d, due(all, time.Duration(k.t.opts.Versions)*time.Second))
}

// due gives those of the versions, the oldest first, that are of more than an age
// and go at once.
func due(all []version, age time.Duration) []version {
	gone := older(all, age)
	for i, v := range gone {
		if v.at.Sub(gone[0].at) >= pruneSpan {
			return gone[:i]
		}
	}
	return gone
}

func removeVersions(d dirFD, gone []version) error {
	for _, v := range gone {
		if err := removeTree(d, v.name); err != nil {
			return fmt.Errorf("cannot remove an old version: %w", err)
		}
	}
	return nil
}

// forRoom are those of the versions that go where room is needed.
func (k *versions) forRoom(all []version) []version {
	return older(all, min(time.Duration(k.t.opts.Versions)*time.Second, keptAnyway))
}

// makeRoom removes old versions until so many bytes are free: the oldest first, no
// more than it takes, and none where all that may go would not do.
func (k *versions) makeRoom(need int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	spare, err := k.count()
	if err != nil || spare < need {
		return err
	}
	d, all, err := k.open()
	if err != nil || d < 0 {
		return err
	}
	defer d.Close()
	gone, freed := 0, int64(0)
	for all = k.forRoom(all); gone < len(all) && freed < need; gone++ {
		n, err := takes(d, all[gone].name)
		if err != nil {
			return err
		}
		freed += n
	}
	if freed < need || gone == 0 {
		k.spare = freed
		return nil
	}
	k.spare -= freed
	if at := all[gone-1].at; time.Since(at) < time.Duration(k.t.opts.Versions)*time.Second {
		k.went = at
	}
	return removeVersions(d, all[:gone])
}

// count gives how many bytes would be free without the versions that may go. It
// needs mu.
func (k *versions) count() (int64, error) {
	if time.Since(k.counted) < countEvery {
		return k.spare, nil
	}
	d, all, err := k.open()
	if err != nil {
		return 0, err
	}
	k.spare = 0
	if d >= 0 {
		defer d.Close()
		for _, v := range k.forRoom(all) {
			n, err := takes(d, v.name)
			if err != nil {
				return 0, err
			}
			k.spare += n
		}
	}
	k.counted = time.Now()
	return k.spare, nil
}

// takes is how many bytes of a file system go with what is at name in d. What has
// another name gives nothing free.
func takes(d dirFD, name string) (int64, error) {
	st, err := d.statx(name)
	if err != nil {
		return 0, err
	}
	const block = 512 // of stx_blocks
	if nodeType(st.Mode) != hosts.Dir {
		if st.Nlink > 1 {
			return 0, nil
		}
		return int64(st.Blocks) * block, nil //nolint:gosec // bytes of a file
	}
	dir, names, err := openAndList(d, name)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	sum := int64(0)
	for _, child := range names {
		n, err := takes(dir, child)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Room implements hosts.Tree.
func (t *tree) Room() (int64, error) {
	if t.known == nil {
		return 0, errReadOnlyTree
	}
	wrap := func(err error) error {
		return fmt.Errorf("cannot see what room there is for %s: %w", t.root, bare(err))
	}
	d, err := t.dir(".")
	if err != nil {
		return 0, wrap(err)
	}
	defer d.Close()
	free, err := t.spare(d)
	if err != nil {
		return 0, wrap(err)
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	n, err := t.kept.count()
	if err != nil {
		t.h.log.Warn("cannot see what room old versions take", "tree", t.root, "error", err)
	}
	return max(0, free+n), nil
}

// Pruned implements hosts.Tree.
func (t *tree) Pruned() time.Time {
	if t.kept == nil {
		return time.Time{}
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	at := t.kept.went
	t.kept.went = time.Time{}
	return at
}

// spare is how many bytes can be written to the file system that a directory is on
// before less is free than is to be; negative where less is.
func (t *tree) spare(d dirFD) (int64, error) {
	fd, err := openDirIn(d, ".") // fstatfs(2) takes no O_PATH before Linux 3.12
	if err != nil {
		return 0, err
	}
	defer fd.Close()
	var s unix.Statfs_t
	if err := retryErr(func() error { return unix.Fstatfs(int(fd), &s) }); err != nil {
		return 0, err
	}
	total, free := int64(s.Blocks)*s.Bsize, int64(s.Bavail)*s.Bsize //nolint:gosec // bytes of a disk
	return free - total/100*int64(t.opts.KeepFree), nil
}
