package lang

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
)

// Project is what the HCL of a project's directory says.
type Project struct {
	Hikae    Hikae
	Hosts    []Host // in the order of their names, as are the others
	Pairs    []Pair
	Overlays []Overlay
	Backups  []Backup
	Secrets  []Secret // those that overlays name

	secretUses []secretUse

	// Files are those beside the HCL that it takes bytes of, by their names in the
	// project's directory.
	Files []string
}

// Hikae is the hikae block: what concerns the project as a whole.
type Hikae struct {
	RequiredVersion string // constraints in go-version's form; "" for none
	Store           string // directory of the store, "states" where not said
	// LoginDeadline bounds the wait for a new login after a change that could
	// keep people out.
	LoginDeadline time.Duration
	Budget        engine.Budget
	Range         hcl.Range
}

// Host is a machine.
type Host struct {
	Name string
	// How it is reached: one of the two. SSH is [USER@]HOST[:PORT], an IPv6
	// address in brackets; HOST may be an alias of ~/.ssh/config.
	SSH   string
	Local bool

	Identity string   // file of the private key to log in with; "" for ssh's own choice
	Follows  string   // name of the pair whose state it takes; ""
	Only     []string // of that: patterns KIND:GLOB; empty for all
	Labels   []string // free words to choose hosts by
	HostOnly []string // patterns of paths that are its own
	Keep     []string // PATH#KEY: keys inside files that are its own
	Paths    []string // trees beyond /etc to carry
	Range    hcl.Range
}

// Pair is two hosts of which one is the primary.
type Pair struct {
	Name           string
	Members        []string // names of two hosts
	InitialPrimary string   // the one that is primary until a promotion says otherwise
	HostOnly       []string // patterns of paths that are each member's own
	Keep           []string // PATH#KEY: keys inside files that are each member's own
	Safe           []string // patterns of units and paths that a standby does too
	Paths          []string // trees beyond /etc to carry
	Mirrors        []Mirror
	Audit          time.Duration // between comparisons of all
	Delay          time.Duration // before followers get packages that changed
	ReportDrift    bool          // what an audit finds is told and left
	Budget         engine.Budget // where it says more than the project's
	Range          hcl.Range
}

// Mirror is a tree of data that is kept the same.
type Mirror struct {
	Path      string
	Reload    []string      // units to reload when something arrived
	Run       []string      // a program to run then, with its arguments
	Exclude   []string      // patterns of paths, from / or else anywhere below Path
	Every     time.Duration // between comparisons, in place of being watched; 0: it is watched
	Versions  time.Duration // how long what is overwritten or removed is kept; 0: it is not
	Bandwidth int64         // bytes a second; 0: no limit
	KeepFree  int           // per cent of the follower's file system that stay free
	Numbers   bool          // owners go by number
	Range     hcl.Range
}

// Overlay is what differs from the snapshot on a host, or on all that have a
// role.
type Overlay struct {
	Role    engine.Role // or
	Host    string
	Patches []engine.Patch
	Range   hcl.Range
}

// Backup is a place that snapshots and data are copied to.
type Backup struct {
	Name   string
	Kind   string // azblob, sftp or dir
	Target string // URL, [USER@]HOST:PATH, or path
	Range  hcl.Range
}

// Host finds a host by name.
func (p *Project) Host(name string) (Host, bool) {
	for _, h := range p.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// Pair finds a pair by name.
func (p *Project) Pair(name string) (Pair, bool) {
	for _, pair := range p.Pairs {
		if pair.Name == name {
			return pair, true
		}
	}
	return Pair{}, false
}

// PairOf finds the pair that a host is a member of.
func (p *Project) PairOf(host string) (Pair, bool) {
	for _, pair := range p.Pairs {
		for _, m := range pair.Members {
			if m == host {
				return pair, true
			}
		}
	}
	return Pair{}, false
}

// Patches are the overlays that concern a host while it has a role, the role's
// before the host's.
func (p *Project) Patches(host string, role engine.Role) []engine.Patch {
	var out []engine.Patch
	for _, o := range p.Overlays {
		if o.Role != engine.RoleNone && o.Role == role {
			out = append(out, o.Patches...)
		}
	}
	for _, o := range p.Overlays {
		if o.Host == host && host != "" {
			out = append(out, o.Patches...)
		}
	}
	return out
}
