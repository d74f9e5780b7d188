package agent

import (
	"context"

	"hikae/hosts"
)

// Listed is what is in a directory of a tree, or a part of it.
type Listed struct {
	Dir     string
	Entries []hosts.TreeEntry
	Holes   []hosts.TreeHole
	Err     error // the directory cannot be read
}

// List tells what is in directories, one after another.
func (t *Tree) List(ctx context.Context, dirs []string, each func(Listed) error) error {
	for len(dirs) > 0 {
		n := asked(dirs)
		part := dirs[:n]
		dirs = dirs[n:]
		err := t.call(ctx, "list", func() error {
			_, err := t.list(ctx, treeAsk{Ask: askList, Paths: part}, each)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Walk tells what is in directories and in all below them, a directory before what
// is in it, until it is so many entries. It reports whether that is all.
func (t *Tree) Walk(ctx context.Context, dirs []string, most int, each func(Listed) error) (all bool, err error) {
	for len(dirs) > 0 {
		if most <= 0 {
			return false, nil
		}
		n := asked(dirs)
		part := dirs[:n]
		dirs = dirs[n:]
		more := false
		err := t.call(ctx, "list", func() (err error) {
			more, err = t.list(ctx, treeAsk{Ask: askList, Paths: part, Deep: true, Most: most}, func(l Listed) error {
				most -= len(l.Entries)
				return each(l)
			})
			return err
		})
		if err != nil || more {
			return false, err
		}
	}
	return true, nil
}

func (t *Tree) list(ctx context.Context, q treeAsk, each func(Listed) error) (more bool, err error) {
	if err := t.c.l.sendValue(kindTreeAsk, q); err != nil {
		return false, err
	}
	asked, left := map[string]bool{}, q.Most
	for _, d := range q.Paths {
		asked[d] = true
	}
	for {
		m, err := t.c.recv(ctx, kindTreeList, kindTreeAnswer)
		if err != nil {
			return false, err
		}
		if m.kind == kindTreeAnswer {
			var a treeAnswer
			err := t.c.l.unmarshal(m.body, &a)
			return a.More, err
		}
		var l treeListed
		if err := t.c.l.unmarshal(m.body, &l); err != nil {
			return false, err
		}
		if err := checkListed(&l); err != nil {
			return false, err
		}
		if !asked[l.Dir] {
			return false, protocolError("a list of %q, which was not asked for", l.Dir)
		}
		if left -= len(l.Entries); q.Deep && left < 0 {
			return false, protocolError("a list of more than %d entries", q.Most)
		}
		for i := range l.Entries {
			if e := &l.Entries[i]; q.Deep && e.Type == hosts.Dir {
				asked[e.Path] = true
			}
		}
		if err := each(Listed{Dir: l.Dir, Entries: l.Entries, Holes: l.Holes, Err: l.Err.err()}); err != nil {
			return false, err
		}
	}
}

// Links gives the names of each file that had several at the last Sum of the
// whole. Of one that has very many they come in parts, each beginning with the last
// name of the part before.
func (t *Tree) Links(ctx context.Context) (groups [][]string, err error) {
	size := 0
	err = t.call(ctx, "list the links of", func() error {
		if err := t.c.l.sendValue(kindTreeAsk, treeAsk{Ask: askLinks}); err != nil {
			return err
		}
		for {
			m, err := t.c.recv(ctx, kindTreeLinks, kindTreeAnswer)
			if err != nil || m.kind == kindTreeAnswer {
				return err
			}
			err = sequence(t.c.l.codec, m.body, func(names *[]string) error {
				for _, n := range *names {
					if err := checkRel(n); err != nil {
						return err
					}
					const header = 16 // of a string
					if size += len(n) + header; size > mostNames {
						return protocolError("the names of files that have several are over %d MiB: exclude some", mostNames>>20)
					}
				}
				last := len(groups) - 1
				if last >= 0 && len(*names) > 0 && (*names)[0] == groups[last][len(groups[last])-1] { // it goes on
					groups[last] = append(groups[last], (*names)[1:]...)
				} else if len(*names) > 0 {
					groups = append(groups, *names)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	})
	return groups, err
}
