// Package derived is what a host's own tools make of files: the files are the
// intent and travel, what is made of them is left out of a snapshot, and the
// target's tool makes it anew. When one of the files changes, its group is done
// only once the tool has run (Units), and put back if it fails. That what stands
// there is in step with its files, though none of them changes, is a resource of
// the kind "derived".
package derived

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/internal/programs"
)

// Kind is the kind's name.
const Kind = "derived"

const attrCurrent = "current"

const (
	ldConfig  = "/etc/ld.so.conf"
	ldCache   = "/etc/ld.so.cache"
	ldProgram = "/usr/sbin/ldconfig"
)

// output is something derived.
type output struct {
	name  string
	reads []string // patterns of the files it is made of
	// argv gives the program that makes it; nil where the files ask for nothing.
	argv func(r hosts.Reader) ([]string, error)
	// current reports whether it is there and, as far as can be told in a
	// moment, made of the files as they are.
	current func(r hosts.Reader) (bool, error)
}

// outputs lists them. Where the program is not installed there is nothing to make.
func outputs() []output {
	return []output{
		{
			name:  "authselect",
			reads: []string{authselectConf, "/etc/authselect/user-nsswitch.conf", "/etc/authselect/custom/**", "/etc/nsswitch.conf", "/etc/pam.d/{" + strings.Join(pamStacks, ",") + "}"},
			argv:  authselectArgv, current: authselectCurrent,
		},
		{
			name:  "ca-trust",
			reads: []string{"/etc/pki/ca-trust/{source/**,ca-legacy.conf}"},
			argv:  program(caProgram), current: caTrustCurrent,
		},
		{
			name:  "crypto-policies",
			reads: []string{cryptoConfig, "/etc/crypto-policies/{policies,local.d}/**"},
			argv:  program(cryptoProgram), current: cryptoCurrent,
		},
		{
			name:  "ld-cache",
			reads: []string{ldConfig, ldConfig + ".d/*"},
			argv:  program(ldProgram),
			current: func(r hosts.Reader) (bool, error) {
				return exists(r, ldCache)
			},
		},
	}
}

// Units returns the outputs as units that no systemd knows.
func Units() []engine.Unit {
	var units []engine.Unit
	for _, o := range outputs() {
		units = append(units, engine.Unit{
			Name: o.name, Reads: o.reads,
			Prepare: func(ctx context.Context, h hosts.Host, _ []string) error { return o.make(ctx, h) },
		})
	}
	return units
}

// Module reads whether outputs are in step with their files.
type Module struct{}

var _ engine.Sourced = Module{}

// Schema describes the kind.
func (Module) Schema() engine.Schema {
	return engine.Schema{
		Kind:      Kind,
		Doc:       "What a tool of the host makes of files: authselect, ca-trust, crypto-policies, ld-cache.",
		Label:     "one of those names",
		Stage:     engine.StageConfig,
		Condition: true,
		Attrs:     []engine.Attr{{Name: attrCurrent, Type: cty.Bool, Default: cty.True, Doc: "It is there, and in step with the files it is made of."}},
	}
}

// Sources implements engine.Sourced: the files, what is made of them, and whether
// the tools are there.
func (Module) Sources() []hosts.WatchRoot {
	return append(hosts.WatchTrees(path.Clean(authselectDir), cryptoDir, cryptoPolicies, caDir),
		hosts.WatchFiles("/etc/nsswitch.conf", "/etc/pam.d", ldConfig, ldConfig+".d", ldCache,
			authselectProgram, caProgram, cryptoProgram, ldProgram)...)
}

// Read tells of each output whose tool and files are there.
func (Module) Read(_ context.Context, r hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	var cov engine.Coverage
	for _, o := range outputs() {
		argv, err := o.command(r)
		var current bool
		if err == nil && argv != nil {
			current, err = o.current(r)
		}
		switch {
		case err != nil:
			cov.Holes = append(cov.Holes, engine.Hole{Path: o.name, Err: err.Error()})
			continue
		case argv == nil:
			continue
		}
		err = emit(engine.Resource{
			Addr:  engine.Addr{Kind: Kind, Name: o.name},
			Value: cty.ObjectVal(map[string]cty.Value{attrCurrent: cty.BoolVal(current)}),
		})
		if err != nil {
			return cov, err
		}
	}
	cov.Whole = len(cov.Holes) == 0
	return cov, nil
}

// Apply makes outputs anew.
func (Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	for _, c := range job.Changes {
		for _, o := range outputs() {
			if o.name != c.Addr.Name {
				continue
			}
			if err := o.make(ctx, h); err != nil {
				return fmt.Errorf("%s: %w", c.Addr, err)
			}
			job.Done(c.Addr)
		}
	}
	return nil
}

// command is the program to run, nil where it is not installed or has nothing
// to make.
func (o output) command(r hosts.Reader) ([]string, error) {
	argv, err := o.argv(r)
	if err != nil || argv == nil {
		return nil, err
	}
	if there, err := exists(r, argv[0]); !there {
		return nil, err
	}
	return argv, nil
}

func (o output) make(ctx context.Context, h hosts.Host) error {
	argv, err := o.command(h)
	if err != nil || argv == nil {
		return err
	}
	return programs.Run(ctx, h, argv...)
}

func program(argv ...string) func(hosts.Reader) ([]string, error) {
	return func(hosts.Reader) ([]string, error) { return argv, nil }
}

func exists(r hosts.Reader, p string) (bool, error) {
	_, err := r.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// maxFile bounds what is read of one file, in bytes.
const maxFile = 8 << 20

// readFile gives a file's bytes, nil where it is not there.
func readFile(r hosts.Reader, p string) ([]byte, error) {
	b, err := hosts.ReadFile(r, p, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// words gives what the lines of a file say, without comments and empty lines.
func words(text []byte) []string {
	var ws []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			ws = append(ws, line)
		}
	}
	return ws
}
