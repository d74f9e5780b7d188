package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Apply implements engine.Module. Nothing is written unless all changes of the
// job can be made.
func (m User) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	for _, c := range job.Changes {
		if err := refuseUser(c, h.Facts().LoginAccount); err != nil {
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
	w := &userWork{
		files: f, job: job, schema: m.Schema(),
		reader: userReader{files: f, schema: m.Schema(), groups: f.groupNames()},
		gids:   map[string]string{},
	}
	for gid, name := range w.reader.groups {
		w.gids[name] = gid
	}
	if err := w.edit(); err != nil {
		return err
	}
	// Before the entries, which say that it is done.
	for _, mv := range w.moves {
		if err := mv.run(ctx, h); err != nil {
			return err
		}
	}
	for _, hm := range w.homes {
		if err := hm.make(ctx, h, job); err != nil {
			return err
		}
	}
	if err := store(ctx, h, f.subuid, f.subgid, f.shadow, f.passwd); err != nil {
		return err
	}
	for _, c := range job.Changes {
		job.Done(c.Addr)
	}
	return nil
}

// refuseUser says no to what must never be done to an account.
func refuseUser(c engine.Change, login string) error {
	name := c.Addr.Name
	w := wish{addr: c.Addr, v: after(c)}
	uid, said := w.id("uid")
	switch {
	case name == login && login != "":
		return fmt.Errorf("%w: %s is the account that hikae logs in with; it is never changed from afar", engine.ErrRefused, c.Addr)
	case name == "root" && c.Action == engine.Delete:
		return fmt.Errorf("%w: root is never removed", engine.ErrRefused)
	case said && (uid == 0) != (name == "root"):
		return fmt.Errorf("%w: uid 0 is root's, and root's is 0: %s cannot have uid %d", engine.ErrRefused, c.Addr, uid)
	case c.Action != engine.Delete && checkName(name) != nil:
		return fmt.Errorf("%w: %w", engine.ErrRefused, checkName(name))
	}
	return w.err
}

func after(c engine.Change) cty.Value {
	if c.After == nil {
		return cty.NilVal
	}
	return c.After.Value
}

// userWork edits the tables of one job.
type userWork struct {
	files   *files
	job     engine.Job
	schema  engine.Schema
	reader  userReader
	gids    map[string]string // by name of the group
	touched []string          // accounts whose uid is new
	ranged  []string          // accounts of which subordinate ids are said
	moves   []move
	homes   []home
}

// edit makes all changes in memory: those that free ids first, and those that
// take any id last.
func (w *userWork) edit() error {
	for _, c := range w.job.Changes {
		if c.Action == engine.Delete {
			w.remove(c.Addr.Name)
		}
	}
	exists := func(name string) bool {
		_, ok := w.files.passwd.get(name)
		return ok
	}
	if err := givenIDsFirst(w.job.Changes, "uid", exists, w.change); err != nil {
		return err
	}
	if err := w.unique(); err != nil {
		return err
	}
	return w.apart()
}

func (w *userWork) remove(name string) {
	if pw, ok := w.files.passwd.get(name); ok && pw[pwUID] == "0" {
		return // another name of root: Read shows none, so nobody can ask for this
	}
	if pw, ok := w.files.passwd.get(name); ok {
		w.files.subuid.setRanges(name, pw[pwUID], nil)
		w.files.subgid.setRanges(name, pw[pwUID], nil)
	}
	w.files.passwd.remove(name)
	w.files.shadow.remove(name)
}

// change makes one account what it should be.
func (w *userWork) change(c engine.Change) error {
	name := c.Addr.Name
	wants := &wish{addr: c.Addr, v: c.After.Value}
	pw, exists := w.files.passwd.get(name)
	switch {
	case exists:
		now, err := w.reader.value(pw)
		if err != nil {
			return err
		}
		if err := stale(w.schema, c, now); err != nil {
			return err
		}
	case c.Action == engine.Update:
		return fmt.Errorf("%w: %s was removed since the plan was made; plan again", engine.ErrRefused, c.Addr)
	default:
		pw = []string{name, "x", "", "", "", "/home/" + name, "/bin/bash"}
		if wants.boolean("system", false) {
			pw[pwHome], pw[pwShell] = "/", "/sbin/nologin"
		}
	}
	old := slices.Clone(pw)
	wants.str("gecos", &pw[pwGecos])
	wants.str("home", &pw[pwHome])
	wants.str("shell", &pw[pwShell])
	if err := w.group(wants, pw); err != nil {
		return err
	}
	if err := w.uid(wants, pw); err != nil {
		return err
	}
	if err := w.shadow(wants, c.Before, pw, exists); err != nil {
		return err
	}
	if err := w.subordinate(wants, pw); err != nil {
		return err
	}
	if wants.err != nil {
		return wants.err
	}
	if pw[pwUID] != old[pwUID] {
		w.touched = append(w.touched, name)
		if exists {
			w.moves = append(w.moves, move{user: name, home: old[pwHome], from: old[pwUID], to: pw[pwUID]})
		} else if uid, err := parseID(pw[pwUID]); err == nil && !w.files.defs.systemUser(uid) {
			w.homes = append(w.homes, home{path: pw[pwHome], uid: pw[pwUID], gid: pw[pwGID]})
		}
	}
	return w.files.passwd.set(pw)
}

// group sets the primary group, which is written by its id.
func (w *userWork) group(wants *wish, pw []string) error {
	name := w.reader.groupOf(pw)
	if pw[pwGID] == "" {
		name = wants.addr.Name
	}
	wants.str("group", &name)
	gid, ok := w.gids[name]
	if !ok {
		if name == pw[pwGID] { // it has no name here, and none is asked for
			return nil
		}
		return fmt.Errorf("cannot make %s: its primary group %q does not exist here; add group %q", wants.addr, name, name)
	}
	pw[pwGID] = gid
	return nil
}

// uid sets the id, or finds one for an account that has none yet.
func (w *userWork) uid(wants *wish, pw []string) error {
	if uid, said := wants.id("uid"); said {
		pw[pwUID] = formatID(uid)
	}
	system, said := wants.attr("system")
	if pw[pwUID] != "" {
		uid, err := parseID(pw[pwUID])
		if err != nil {
			return err
		}
		if said && system.True() != w.files.defs.systemUser(uid) {
			return fmt.Errorf("cannot make %s: system = %t, but its uid here is %d, and people's begin at %d; "+
				"change system or uid", wants.addr, system.True(), uid, w.files.defs.uidMin)
		}
		return nil
	}
	lo, hi, isSystem := w.files.defs.uidMin, w.files.defs.uidMax, said && system.True()
	if isSystem {
		lo, hi = w.files.defs.sysUIDMin, w.files.defs.sysUIDMax
	}
	taken := owners(w.files.passwd, pwUID)
	// The same number as the group's, where it is free: it is what people expect.
	if gid, err := parseID(pw[pwGID]); err == nil && gid >= lo && gid <= hi && taken[gid] == "" {
		pw[pwUID] = pw[pwGID]
		return nil
	}
	uid, ok := freeID(taken, lo, hi, isSystem)
	if !ok {
		return fmt.Errorf("cannot make %s: no uid from %d to %d is free (see login.defs)", wants.addr, lo, hi)
	}
	pw[pwUID] = formatID(uid)
	return nil
}

// shadow sets the password and its dates.
func (w *userWork) shadow(wants *wish, before *engine.Resource, pw []string, exists bool) error {
	name := pw[pwName]
	sp, ok := w.files.shadow.get(name)
	if !ok {
		d := w.files.defs
		sp = []string{name, "!!", "", parseDays(d.passMin), parseDays(d.passMax), parseDays(d.passWarn), "", "", ""}
		if exists && pw[pwPassword] != "x" {
			sp[spPassword] = pw[pwPassword] // it moves to where nobody can read it
		}
	} else if !exists {
		// Left by a run that was cut short, or by a person: not of this account.
		sp[spPassword] = "!!"
	}
	fresh := slices.Clone(sp)
	hash, locked := splitPassword(sp[spPassword])
	if h, changed := wants.secret("password", before, w.job); changed {
		hash = h
		locked = h == "" // an empty field would let anyone in
	}
	if v, said := wants.attr("locked"); said {
		locked = v.True()
		if !locked && hash == "" {
			return fmt.Errorf("%w: cannot unlock %s: it has no password, so anyone could log in; give it one", engine.ErrRefused, wants.addr)
		}
	}
	sp[spPassword] = joinPassword(hash, locked, sp[spPassword])
	wants.date("changed", &sp[spChanged])
	wants.days("min_days", &sp[spMin])
	wants.days("max_days", &sp[spMax])
	wants.days("warn_days", &sp[spWarn])
	wants.days("inactive_days", &sp[spInactive])
	wants.date("expires", &sp[spExpire])
	if wants.err != nil {
		return wants.err
	}
	if exists && !ok && slices.Equal(sp, fresh) {
		return nil // it had no entry and needs none
	}
	pw[pwPassword] = "x"
	return w.files.shadow.set(sp)
}

// unique refuses an id that another account has: files would belong to both.
func (w *userWork) unique() error {
	for _, name := range w.touched {
		pw, _ := w.files.passwd.get(name)
		var others []string
		w.files.passwd.entries(func(f []string) {
			if f[pwUID] == pw[pwUID] && f[pwName] != name {
				others = append(others, f[pwName])
			}
		})
		if len(others) > 0 {
			return fmt.Errorf("%w: cannot give user %s the uid %s: it is %s's on this host; "+
				"give %s another one there (usermod -u, then chown the files), or remove that account",
				engine.ErrRefused, name, pw[pwUID], strings.Join(others, "'s and "), others[0])
		}
	}
	return nil
}
