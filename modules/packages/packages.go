// Package packages is the kind "package": what rpm has installed, and why.
//
// A resource is one installed package. Its name is the package's, "httpd"; a
// package of another architecture than the host's own has it added,
// "glibc.i686". So the name says the same on two hosts whatever else is
// installed there. Imported keys (gpg-pubkey) are the kind repo_key; packages
// for the hardware (rules.HostOnlyPackage) are the host's own: never read,
// never changed.
//
// What is there is the rpm database, read once, and dnf's history, which alone
// knows what was asked for and where it came from. What is to change is one
// transaction of dnf (see driver.py): exact versions, files of one's own,
// removals and the marks of what was asked for together. Packages only go
// forward: a transaction outlives the agent, and the next apply waits for it.
package packages

import (
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// Kind is the kind's name.
const Kind = "package"

// Names of the attributes.
const (
	AttrVersion = "version"
	AttrAsked   = "asked"
	AttrExact   = "exact"
	AttrRepo    = "repo"
	AttrSource  = "source"
)

// Module reads and installs packages. It holds no state.
type Module struct {
	// installRoot makes dnf and rpm work below another root than the host's:
	// for tests, which have no host to spare. "" is the host's own.
	installRoot string
	lockWait    time.Duration // how long to wait for whoever holds dnf's locks
}

var _ engine.Sourced = (*Module)(nil)

// New returns the module.
func New() *Module { return &Module{lockWait: 10 * time.Minute} }

// Schema describes the kind.
//
// A package that comes from no repository is installed from its file. The
// attribute source names that file for people; its bytes are the content of
// the resource's Node, a File, which whoever reads source sets beside it (see
// FromFile). Such a Node is a means and no wish: nothing stands at a path
// called like the package, so Schema.Node is false and it is never compared.
func (m *Module) Schema() engine.Schema {
	return engine.Schema{
		Kind:  Kind,
		Doc:   "A package that rpm has installed.",
		Label: "package name, with .ARCH where that is not the host's own",
		Stage: engine.StageSystem,
		Attrs: []engine.Attr{
			{Name: AttrVersion, Type: cty.String, Doc: "Its version as [EPOCH:]VERSION-RELEASE.ARCH; any will do where it is left out."},
			{Name: AttrAsked, Type: cty.Bool, Default: cty.True, Doc: "Whether it is there on purpose; false: only because another package needs it."},
			{Name: AttrExact, Type: cty.Bool, Info: true, Doc: "Fail rather than install another version where no repository has this one any more."},
			{Name: AttrRepo, Type: cty.String, Info: true, Doc: "The repository it came from, as dnf remembers it; empty where it came from none."},
			{Name: AttrSource, Type: cty.String, Info: true, File: true, Doc: "A file of the project to install it from, where no repository has it."},
		},
	}
}
