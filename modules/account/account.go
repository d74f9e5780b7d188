// Package account reads and writes the accounts of a host: the kinds user and
// group. The files behind them (passwd(5), shadow(5), group(5), gshadow(5),
// subuid(5), subgid(5)) are never copied whole: every entry is merged on its own, and lines that are
// no entries, such as comments and NIS's + lines, stay as they are.
//
// Ids: those of people are pinned; those of system accounts (below UID_MIN of
// login.defs, and nobody) may differ between hosts and are not compared.
// Files are owned by name everywhere in hikae, so that is enough.
//
// Passwords: the attribute password is the hash, a secret. Where a snapshot says
// that there is none (engine.NoSecret), a follower's goes: behind a lock it would
// be one usermod -U from being in force again. locked says that no password opens the account: shadow's
// field begins with ! or * or holds no hash. The forms of "no password"
// (*, !, !!, !*) mean the same and are left as found. An account with an empty
// field lets anyone in; hikae says so when it reads one (locked is null then)
// and never makes one.
//
// Writing: under the locks that shadow-utils takes, each file at most once an
// Apply, whole or not at all, with the copies that shadow-utils leaves
// (passwd- and so on). The order is gshadow, group, subuid, subgid, shadow,
// passwd: what an entry needs is there before it, and goes before it. So a run that was cut
// short leaves at worst an entry in a shadow file that nobody refers to, and
// the next plan sees the account itself still to do. Homes are made, and
// files given to a changed id, before the entry for the same reason.
//
// Not done: a home is never removed and never moved, and processes that run
// under an id that changes are left alone.
package account

import (
	"hikae/engine"
)

// Modules returns both kinds, in the order in which they are applied: a user's
// primary group has to be there first. Groups that are to go and are still
// somebody's primary group wait for the next run.
func Modules() []engine.Module { return []engine.Module{Group{}, User{}} }

// The kinds.
const (
	UserKind  = "user"
	GroupKind = "group"
)

// The files, and what a line of each holds.
const (
	passwdPath  = "/etc/passwd"
	shadowPath  = "/etc/shadow"
	groupPath   = "/etc/group"
	gshadowPath = "/etc/gshadow"
	defsPath    = "/etc/login.defs"
)

// The fields of passwd(5).
const (
	pwName = iota
	pwPassword
	pwUID
	pwGID
	pwGecos
	pwHome
	pwShell
	pwFields
)

// The fields of shadow(5).
const (
	spName = iota
	spPassword
	spChanged
	spMin
	spMax
	spWarn
	spInactive
	spExpire
	spFlag
	spFields
)

// The fields of group(5).
const (
	grName = iota
	grPassword
	grGID
	grMembers
	grFields
)

// The fields of gshadow(5).
const (
	sgName = iota
	sgPassword
	sgAdmins
	sgMembers
	sgFields
)

// givenIDsFirst makes the changes that are no deletions: first those of entries
// that are there or say which id they want, then those that take any free one.
func givenIDsFirst(changes []engine.Change, id string, exists func(name string) bool, change func(engine.Change) error) error {
	var open []engine.Change
	for _, c := range changes {
		if c.Action == engine.Delete {
			continue
		}
		wants := wish{addr: c.Addr, v: c.After.Value}
		if _, said := wants.id(id); !said && !exists(c.Addr.Name) {
			open = append(open, c)
			continue
		}
		if err := change(c); err != nil {
			return err
		}
	}
	for _, c := range open {
		if err := change(c); err != nil {
			return err
		}
	}
	return nil
}
