// Package alternatives is the kind "alternative": which of several programs a
// name stands for, where a person has chosen one (alternatives(8)). What the
// system chose itself, by priority, is no choice and not read.
//
// The links are made by the target's own alternatives and left out of a
// snapshot.
package alternatives

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
const Kind = "alternative"

const attrTo = "to"

const (
	program = "/usr/sbin/alternatives"
	dir     = "/var/lib/alternatives"
	links   = "/etc/alternatives"
)

// Module reads and makes choices.
type Module struct{}

var _ engine.Sourced = Module{}

// Schema describes the kind.
func (Module) Schema() engine.Schema {
	return engine.Schema{
		Kind:  Kind,
		Doc:   "The program that a name of the alternatives system stands for, chosen by hand.",
		Label: "the name, as alternatives --list prints it",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{{Name: attrTo, Type: cty.String, Doc: "The family of the program, as java-11-openjdk.x86_64, or where it is of none its path."}},
	}
}

// Sources implements engine.Sourced.
func (Module) Sources() []hosts.WatchRoot { return hosts.WatchFiles(dir, links) }

// Read emits what was chosen by hand.
func (Module) Read(ctx context.Context, r hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	var cov engine.Coverage
	names, err := r.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		cov.Whole = true
		return cov, nil
	}
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: dir, Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return cov, ctx.Err()
		}
		to, err := chosen(r, name)
		if err != nil {
			cov.Notes = append(cov.Notes, fmt.Sprintf("the alternative %s cannot be carried: %v", name, err))
			continue
		}
		if to == "" {
			continue
		}
		err = emit(engine.Resource{
			Addr:  engine.Addr{Kind: Kind, Name: name},
			Value: cty.ObjectVal(map[string]cty.Value{attrTo: cty.StringVal(to)}),
		})
		if err != nil {
			return cov, err
		}
	}
	cov.Whole = len(cov.Notes) == 0
	return cov, nil
}

// chosen gives what a person chose for a name, "" where nobody did.
func chosen(r hosts.Reader, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	c, err := load(r, name)
	if err != nil || !c.manual {
		return "", err
	}
	n, err := r.Stat(path.Join(links, name))
	if err != nil {
		return "", err
	}
	return c.wish(n.Link), nil
}

// Apply chooses, or leaves the choice to the system again.
func (Module) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	for _, c := range job.Changes {
		argv, err := command(h, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Addr, err)
		}
		if argv != nil {
			if err := programs.Run(ctx, h, argv...); err != nil {
				return fmt.Errorf("%s: %w", c.Addr, err)
			}
		}
		job.Done(c.Addr)
	}
	return nil
}

// command is what makes a change; nil where the name is gone with its packages.
func command(r hosts.Reader, c engine.Change) ([]string, error) {
	name := c.Addr.Name
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	have, err := load(r, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Action == engine.Delete:
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("no package here has alternatives for this name")
	case err != nil:
		return nil, err
	case c.Action == engine.Delete:
		return []string{program, "--auto", name}, nil
	}
	v := c.After.Value.GetAttr(attrTo)
	if v.IsNull() || v.AsString() == "" {
		return nil, fmt.Errorf("%w: say with to which it shall be", engine.ErrRefused)
	}
	to, err := have.path(v.AsString())
	if err != nil {
		return nil, err
	}
	return []string{program, "--set", name, to}, nil
}

// checkName holds a name to what can be a file's, and no option.
func checkName(name string) error {
	if name == "" || len(name) > 255 || name[0] == '-' || name[0] == '.' || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == '/' || c == 0x7f }) {
		return fmt.Errorf("%q is no name of an alternative", name)
	}
	return nil
}
