package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// Apply implements engine.Module. Nothing is written unless all changes of the
// job can be made. A group that is to go but is somebody's primary group stays,
// is said to stay, and is not reported as done: once the account is gone, the
// next run removes it.
func (m Group) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	for _, c := range job.Changes {
		if err := refuseGroup(c); err != nil {
			return err
		}
	}
	unlock, err := lock(ctx, h)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := load(h)
	if err != nil {
		return err
	}
	w := &groupWork{files: f, job: job, schema: m.Schema(), login: h.Facts().LoginAccount}
	if err := w.edit(); err != nil {
		return err
	}
	for _, mv := range w.moves {
		if err := mv.run(ctx, h); err != nil {
			return err
		}
	}
	if err := store(ctx, h, f.gshadow, f.group, f.passwd); err != nil {
		return err
	}
	for _, c := range job.Changes {
		if !slices.Contains(w.kept, c.Addr) {
			job.Done(c.Addr)
		}
	}
	return nil
}

func refuseGroup(c engine.Change) error {
	w := wish{addr: c.Addr, v: after(c)}
	gid, said := w.id("gid")
	switch {
	case c.Addr.Name == "root" && c.Action == engine.Delete:
		return fmt.Errorf("%w: the group root is never removed", engine.ErrRefused)
	case said && (gid == 0) != (c.Addr.Name == "root"):
		return fmt.Errorf("%w: gid 0 is root's, and root's is 0: %s cannot have gid %d", engine.ErrRefused, c.Addr, gid)
	case c.Action != engine.Delete && checkName(c.Addr.Name) != nil:
		return fmt.Errorf("%w: %w", engine.ErrRefused, checkName(c.Addr.Name))
	}
	return w.err
}

// groupWork edits the tables of one job.
type groupWork struct {
	files   *files
	job     engine.Job
	schema  engine.Schema
	login   string
	touched []string // groups whose gid is new
	moves   []move
	kept    []engine.Addr // deletions that have to wait
}

// edit makes all changes in memory: those that free ids first, and those that
// take any id last.
func (w *groupWork) edit() error {
	for _, c := range w.job.Changes {
		if c.Action == engine.Delete {
			w.remove(c)
		}
	}
	exists := func(name string) bool {
		_, ok := w.files.group.get(name)
		return ok
	}
	if err := givenIDsFirst(w.job.Changes, "gid", exists, w.change); err != nil {
		return err
	}
	return w.unique()
}

func (w *groupWork) remove(c engine.Change) {
	gr, ok := w.files.group.get(c.Addr.Name)
	if !ok {
		w.files.gshadow.remove(c.Addr.Name)
		return
	}
	if users := w.primaryOf(gr[grGID]); len(users) > 0 {
		w.kept = append(w.kept, c.Addr)
		w.job.Progress(fmt.Sprintf("%s stays: it is the primary group of %s", c.Addr, users[0][pwName]))
		return
	}
	w.files.group.remove(c.Addr.Name)
	w.files.gshadow.remove(c.Addr.Name)
}

// primaryOf lists the accounts with that primary group.
func (w *groupWork) primaryOf(gid string) [][]string {
	var users [][]string
	w.files.passwd.entries(func(pw []string) {
		if pw[pwGID] == gid {
			users = append(users, slices.Clone(pw))
		}
	})
	return users
}

// change makes one group what it should be.
func (w *groupWork) change(c engine.Change) error {
	name := c.Addr.Name
	wants := &wish{addr: c.Addr, v: c.After.Value}
	gr, exists := w.files.group.get(name)
	switch {
	case exists:
		now, err := groupValue(w.files, w.schema, nil, gr)
		if err != nil {
			return err
		}
		if err := stale(w.schema, c, now); err != nil {
			return err
		}
	case c.Action == engine.Update:
		return fmt.Errorf("%w: %s was removed since the plan was made; plan again", engine.ErrRefused, c.Addr)
	default:
		gr = []string{name, "x", "", ""}
	}
	old := slices.Clone(gr)
	wants.members("members", &gr[grMembers])
	w.keepLogin(wants, old, gr)
	if err := w.gid(wants, gr); err != nil {
		return err
	}
	if err := w.gshadow(wants, c.Before, gr, exists); err != nil {
		return err
	}
	if gr[grGID] != old[grGID] {
		w.touched = append(w.touched, name)
	}
	if exists && gr[grGID] != old[grGID] {
		if err := w.regroup(old[grGID], gr[grGID]); err != nil {
			return err
		}
	}
	return w.files.group.set(gr)
}

// keepLogin leaves the account that hikae logs in with where it is a member:
// sudo may hang on it.
func (w *groupWork) keepLogin(wants *wish, old, gr []string) {
	if w.login == "" || !slices.Contains(splitNames(old[grMembers]), w.login) || slices.Contains(splitNames(gr[grMembers]), w.login) {
		return
	}
	gr[grMembers] = strings.Join(append(splitNames(gr[grMembers]), w.login), ",")
	w.job.Progress(fmt.Sprintf("%s keeps %s, with which hikae logs in", wants.addr, w.login))
}

// gid sets the id, or finds one for a group that has none yet.
func (w *groupWork) gid(wants *wish, gr []string) error {
	if gid, said := wants.id("gid"); said {
		gr[grGID] = formatID(gid)
	}
	system, said := wants.attr("system")
	d := w.files.defs
	if gr[grGID] != "" {
		gid, err := parseID(gr[grGID])
		if err != nil {
			return err
		}
		if said && system.True() != d.systemGroup(gid) {
			return fmt.Errorf("cannot make %s: system = %t, but its gid here is %d, and people's begin at %d; "+
				"change system or gid", wants.addr, system.True(), gid, d.gidMin)
		}
		return wants.err
	}
	lo, hi, isSystem := d.gidMin, d.gidMax, said && system.True()
	if isSystem {
		lo, hi = d.sysGIDMin, d.sysGIDMax
	}
	gid, ok := freeID(owners(w.files.group, grGID), lo, hi, isSystem)
	if !ok {
		return fmt.Errorf("cannot make %s: no gid from %d to %d is free (see login.defs)", wants.addr, lo, hi)
	}
	gr[grGID] = formatID(gid)
	return wants.err
}

// gshadow sets administrators and password, and the members once more.
func (w *groupWork) gshadow(wants *wish, before *engine.Resource, gr []string, exists bool) error {
	sg, ok := w.files.gshadow.get(gr[grName])
	if !ok {
		sg = []string{gr[grName], "!", "", ""}
		if exists && gr[grPassword] != "x" {
			sg[sgPassword] = gr[grPassword] // it moves to where nobody can read it
		}
	} else if !exists {
		sg[sgPassword] = "!"
	}
	fresh := slices.Clone(sg)
	wants.members("admins", &sg[sgAdmins])
	if hash, changed := wants.secret("password", before, w.job); changed {
		sg[sgPassword] = cmp.Or(hash, "!") // an empty one says the same in gshadow(5), and not in group(5)
	}
	if wants.err != nil {
		return wants.err
	}
	asked := !slices.Equal(sg, fresh)
	sg[sgMembers] = gr[grMembers]
	if !ok && !asked && (exists || !w.files.gshadow.exists) {
		return nil // it had no entry and needs none
	}
	gr[grPassword] = "x"
	return w.files.gshadow.set(sg)
}

// regroup gives the accounts of a renumbered primary group, and the files in
// their homes, the new id.
func (w *groupWork) regroup(from, to string) error {
	for _, pw := range w.primaryOf(from) {
		w.moves = append(w.moves, move{user: pw[pwName], home: pw[pwHome], from: ":" + from, to: ":" + to})
		pw[pwGID] = to
		if err := w.files.passwd.set(pw); err != nil {
			return err
		}
	}
	return nil
}

// unique refuses an id that another group has: files would belong to both.
func (w *groupWork) unique() error {
	for _, name := range w.touched {
		gr, _ := w.files.group.get(name)
		var others []string
		w.files.group.entries(func(f []string) {
			if f[grGID] == gr[grGID] && f[grName] != name {
				others = append(others, f[grName])
			}
		})
		if len(others) > 0 {
			return fmt.Errorf("%w: cannot give group %s the gid %s: it is %s's on this host; "+
				"give %s another one there (groupmod -g, then chgrp the files), or remove that group",
				engine.ErrRefused, name, gr[grGID], strings.Join(others, "'s and "), others[0])
		}
	}
	return nil
}
