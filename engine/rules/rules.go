// Package rules holds hikae's built-in lists and the reason for each entry:
// what is the host's own and never crosses, what is left out of a snapshot
// because it is derived or volatile, what a standby holds back, and what is a
// secret. Patterns are over raw absolute paths or unit names.
//
// Every list is a table in a file named for its subject. An entry carries an
// example that it must match and a near miss that it must not, so the tests
// are made from the tables, and so is the reference (Markdown).
package rules

import "sync"

// Rule is one entry of a list.
type Rule struct {
	Pattern string // see Match
	Why     string // for the person who asks why it is not carried
	Example string // a path or name that the pattern matches; "" in a user's rule
	Near    string // one that looks alike and that it must leave alone
}

// List is a table of rules and what it is for.
type List struct {
	Name  string // its heading in the reference
	Doc   string // one sentence: what happens to what it matches
	Rules []Rule
}

// Lists returns all built-in tables in the order of the reference. The caller
// owns what it gets.
func Lists() []List {
	var all []List
	for _, part := range [][]List{
		hostOnlyLists(), leftOutLists(), treeLists(), packageLists(), unitLists(), heldLists(), secretLists(), guardedLists(), {powerful()},
	} {
		all = append(all, part...)
	}
	return all
}

// HostOnlyPath reports whether a path is the host's own: it is never part of
// what another host should be, and the writer refuses it.
func HostOnlyPath(path string) (Rule, bool) { return HostOnlyPaths().Match(path) }

// HostOnlyPaths is the set behind HostOnlyPath, for With.
func HostOnlyPaths() *Set { return hostOnlyPaths() }

// HostOnlyWith is HostOnlyPaths with the patterns that a user declared.
func HostOnlyWith(patterns []string) (*Set, error) {
	declared := make([]Rule, len(patterns))
	for i, p := range patterns {
		declared[i] = Rule{Pattern: p, Why: "declared the host's own"}
	}
	return HostOnlyPaths().With(declared...)
}

// DeclaredSafe is the set of the units and paths that a user declared safe on
// a standby.
func DeclaredSafe(patterns []string) (*Set, error) {
	declared := make([]Rule, len(patterns))
	for i, p := range patterns {
		declared[i] = Rule{Pattern: p, Why: "declared safe on a standby"}
	}
	return NewSet(declared...)
}

// LeftOutPath reports whether a path is left out of snapshots, being derived,
// volatile or carried in another form, or only reported (ReportedPath).
func LeftOutPath(path string) (Rule, bool) { return leftOutPaths().Match(path) }

// ReportedPath reports whether a path is left out, but a person has to know
// that it is there: *.rpmnew and its kin.
func ReportedPath(path string) (Rule, bool) { return reportedPaths().Match(path) }

// ThrowawayPath reports whether a path, in a tree beyond /etc, is not worth
// carrying: caches, sessions, logs.
func ThrowawayPath(path string) (Rule, bool) { return throwawayPaths().Match(path) }

// LiveWrittenPath reports whether a path, in a tree beyond /etc, is written
// under its reader, so that a raw copy may be torn: databases, indexes, queues.
func LiveWrittenPath(path string) (Rule, bool) { return liveWrittenPaths().Match(path) }

// HostOnlyPackage reports whether a package is for this host's hardware.
func HostOnlyPackage(name string) (Rule, bool) { return hostOnlyPackages().Match(name) }

// HostOnlyUnit reports whether a unit's state is the host's own.
func HostOnlyUnit(name string) (Rule, bool) { return hostOnlyUnits().Match(name) }

// HeldUnit reports whether a unit is held on a standby: every timer that is not
// a SafeTimer, and the services that must run on one host only.
func HeldUnit(name string) (Rule, bool) {
	if _, safe := SafeTimer(name); safe {
		return Rule{}, false
	}
	return heldUnits().Match(name)
}

// SafeTimer reports whether a timer may run on a standby too.
func SafeTimer(name string) (Rule, bool) { return safeTimers().Match(name) }

// HeldPath reports whether a file is held on a standby. Only ask about files
// that are not just what a package installed: those always may stand.
func HeldPath(path string) (Rule, bool) {
	if _, safe := safeJobs().Match(path); safe {
		return Rule{}, false
	}
	return heldPaths().Match(path)
}

// The compiled tables: made at first use, never changed.
var (
	hostOnlyPaths    = compiled(hostOnlyLists)
	leftOutPaths     = compiled(leftOutLists)
	reportedPaths    = compiled(func() []List { return []List{reported()} })
	throwawayPaths   = compiled(func() []List { return []List{throwaway()} })
	liveWrittenPaths = compiled(func() []List { return []List{liveWritten()} })
	hostOnlyPackages = compiled(packageLists)
	hostOnlyUnits    = compiled(func() []List { return []List{ownUnits()} })
	heldUnits        = compiled(func() []List { return []List{held()} })
	safeTimers       = compiled(func() []List { return []List{safe()} })
	heldPaths        = compiled(func() []List { return []List{heldJobs()} })
	safeJobs         = compiled(func() []List { return []List{packagedJobs()} })
	secretPaths      = compiled(func() []List { return []List{secretByName()} })
	harmlessPaths    = compiled(func() []List { return []List{harmless()} })
)

// compiled makes a Set of built-in lists at first use. That they compile is
// tested, so one that does not is a mistake in this package.
func compiled(lists func() []List) func() *Set {
	return sync.OnceValue(func() *Set {
		var all []Rule
		for _, l := range lists() {
			all = append(all, l.Rules...)
		}
		s, err := NewSet(all...)
		if err != nil {
			panic(err)
		}
		return s
	})
}
