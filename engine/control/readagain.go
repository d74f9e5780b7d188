package control

import (
	"context"
	"maps"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// readAgain reads what an apply has touched. Where that may be anything, for a
// program was run or a daemon reloaded, all is read. Where it is files that no
// known daemon reads, those are; and what another kind makes of files, but for
// packages, which no file is a part of.
func (a *applying) readAgain(ctx context.Context) (*engine.Actual, error) {
	c, t, was := a.c, a.p.Target, a.p.session.actual
	scope, err := c.scope(t, a.p.wish)
	if err != nil {
		return nil, err
	}
	const many = 1000 // more are found sooner in their trees
	if len(a.alone) == 0 || len(a.alone) > many {
		return c.readScope(ctx, a.p.session.conn, t, scope)
	}
	scope.Only = a.alone
	for _, s := range c.Schemas {
		if s.Kind != "package" && (s.Kind != "service" || slices.ContainsFunc(a.alone, ofSystemd)) {
			scope.Kinds = append(scope.Kinds, s.Kind)
		}
	}
	now, err := c.readScope(ctx, a.p.session.conn, t, scope)
	if err != nil {
		return nil, err
	}
	return withNew(was, now, scope), nil
}

// ofSystemd reports whether a path may say which units there are, and which are
// to be enabled.
func ofSystemd(p string) bool { return strings.HasPrefix(p, "/etc/systemd/") }

// withNew is what was read of a host, with that in its place which was read anew by
// a scope of kinds, single files and trees.
func withNew(was, now *engine.Actual, scope engine.Scope) *engine.Actual {
	anew := inDoubt(was, now, scope)
	out := &engine.Actual{Facts: now.Facts, Resources: maps.Clone(was.Resources), Coverage: maps.Clone(was.Coverage)}
	maps.DeleteFunc(out.Resources, func(addr engine.Addr, _ *engine.Resource) bool {
		if addr.Kind == "file" {
			return anew(addr.Name)
		}
		return slices.Contains(scope.Kinds, addr.Kind)
	})
	maps.Copy(out.Resources, now.Resources)
	for _, kind := range scope.Kinds {
		cov := now.Coverage[kind]
		if kind == "file" {
			holes := cov.Holes
			cov = was.Coverage[kind]
			cov.Holes = slices.DeleteFunc(slices.Clone(cov.Holes), func(h engine.Hole) bool { return anew(h.Path) })
			cov.Holes = append(cov.Holes, holes...)
			if mounts := now.Coverage[kind].Mounts; len(mounts) > 0 {
				cov.Mounts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(cov.Mounts, mounts))))
			}
		}
		out.Coverage[kind] = cov
	}
	return out
}

// inDoubt tells which paths a read of some files has told of: the single ones,
// and all that was below one that is no directory any more; and those of its trees.
func inDoubt(was, now *engine.Actual, scope engine.Scope) func(path string) bool {
	only := make(map[string]bool, len(scope.Only))
	trees := slices.Clone(scope.Within)
	for _, p := range scope.Only {
		only[p] = true
		a := engine.Addr{Kind: "file", Name: p}
		if isDir(was.Resources[a]) && !isDir(now.Resources[a]) {
			trees = append(trees, p)
		}
	}
	return func(path string) bool {
		return only[path] || hosts.Within(path, trees)
	}
}

func isDir(r *engine.Resource) bool { return r != nil && r.Node != nil && r.Node.Type == hosts.Dir }
