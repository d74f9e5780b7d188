package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Sources implements engine.Sourced. What packages brought is in them: by it a
// file is pristine or not.
func (Module) Sources() []hosts.WatchRoot {
	return slices.Concat(hosts.WatchTrees(spools...), hosts.WatchFiles(programs...), hosts.PackageSources())
}

// Read implements engine.Module. It emits every path below the roots: those
// that no package owns, and those of packages, the pristine ones too: that they
// are is what a follower is compared with, and their bytes are what its may be
// put back to.
func (Module) Read(ctx context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	roots, beside := slices.Concat([]string{etc}, spools, s.Paths), programs
	roots = hosts.Outermost(roots)
	trees := roots

	single := slices.DeleteFunc(slices.Clone(s.Files), func(p string) bool { return hosts.Within(p, roots) })
	if s.Part() {
		roots, beside = hosts.Outermost(s.Within), nil
		single = nil
		for _, p := range s.Only {
			switch {
			case hosts.Within(p, roots):
			case slices.Contains(programs, path.Dir(p)) && !slices.Contains(s.Files, p):
				beside = append(beside, p)
			default:
				single = append(single, p)
			}
		}
	}
	slices.Sort(single)
	single = slices.Compact(single)

	own, err := readOwners(ctx, r, slices.Concat(roots, beside, single))
	if err != nil {
		return engine.Coverage{}, err
	}
	hostOnly, err := rules.HostOnlyWith(s.HostOnly)
	if err != nil {
		return engine.Coverage{}, err
	}
	rd := &reading{
		r: r, own: own, vault: s.Vault, large: s.Unnamed, hostOnly: hostOnly,
		cov:  engine.Coverage{Skipped: map[string]int{}},
		seen: make(map[string]bool, len(own)), listed: map[string]bool{}, labelled: make(map[string]bool, len(own)),
	}
	if roots, single, err = rd.mounts(roots, single, trees); err != nil {
		return engine.Coverage{}, err
	}
	rest, restCtx := errgroup.WithContext(ctx) // beside the walk of the roots
	var others []engine.Resource
	rest.Go(func() error {
		for _, dir := range beside {
			some, err := rd.programs(restCtx, dir, single)
			if err != nil {
				return err
			}
			others = append(others, some...)
		}
		return nil
	})
	err = rd.all(ctx, roots, single, s.Part())
	if err = errors.Join(err, rest.Wait()); err != nil {
		return engine.Coverage{}, err
	}
	for i := range others {
		if err := emit(others[i]); err != nil {
			return engine.Coverage{}, err
		}
	}
	rd.count()
	for i := range rd.found {
		f := &rd.found[i]
		if err := rd.content(ctx, f); err != nil {
			rd.hole(f.Addr.Name, err)
			continue
		}
		if err := emit(*f); err != nil {
			return engine.Coverage{}, err
		}
	}
	return rd.cov, nil
}

// all collects the nodes below the roots, and the single ones. Of a part of the
// files those are missed too that are single.
func (rd *reading) all(ctx context.Context, roots, single []string, part bool) error {
	for _, root := range roots {
		if err := rd.walk(ctx, root, false); err != nil {
			return err
		}
	}
	for _, path := range single {
		if link, linked := behindLink(rd.r, path); linked {
			rd.hole(path, fmt.Errorf("%s is a link", link))
			continue
		}
		if err := rd.walk(ctx, path, true); err != nil {
			return err
		}
	}
	if part {
		roots = slices.Concat(roots, single)
	}
	rd.missing(roots)
	return rd.label(ctx)
}

// mounts notes what is mounted at or above what is read, before it is, and leaves
// out what lies on a mount within a tree: as when all is read, another file system
// is not entered.
func (rd *reading) mounts(roots, single, trees []string) (_, _ []string, err error) {
	t, ok := rd.r.(hosts.MountTeller)
	if !ok {
		return roots, single, nil
	}
	within := map[string]bool{}
	own := func(paths []string) []string {
		return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
			points, perr := t.MountsAbove(p)
			if perr != nil {
				err = errors.Join(err, fmt.Errorf("cannot tell what is mounted at %s: %w", p, perr))
				return false
			}
			for _, m := range points {
				if hosts.Within(m, trees) && !slices.Contains(trees, m) {
					within[m] = true
					return true
				}
			}
			rd.cov.Mounts = append(rd.cov.Mounts, points...)
			return false
		})
	}
	roots, single = own(roots), own(single)
	for _, m := range slices.Sorted(maps.Keys(within)) {
		rd.hole(m, &fs.PathError{Op: "walk", Path: m, Err: hosts.ErrMountPoint})
	}
	slices.Sort(rd.cov.Mounts)
	rd.cov.Mounts = slices.Compact(rd.cov.Mounts)
	return roots, single, err
}

// behindLink reports whether a directory above path is a symbolic link, and
// which: what is there has another name, by which rules know it.
func behindLink(r hosts.Reader, path string) (string, bool) {
	if s, ok := r.(hosts.Straightener); ok && s.Straight(path) {
		return "", false
	}
	for i, b := range path {
		if b != '/' || i == 0 {
			continue
		}
		if n, err := r.Stat(path[:i]); err != nil || n.Type == hosts.Link {
			return path[:i], err == nil
		}
	}
	return "", false
}

// reading is one Read under way.
type reading struct {
	r        hosts.Reader
	own      owners
	vault    engine.Vault
	large    *engine.Unnamed
	ofSize   map[int64]int // how many large files are of a size
	hostOnly *rules.Set
	found    []engine.Resource
	seen     map[string]bool // owned paths that were found
	listed   map[string]bool // directories whose names were all passed on
	labelled map[string]bool // paths whose label is known to be the policy's
	cov      engine.Coverage
}

// walk collects the nodes below root, by rule; or root alone.
func (rd *reading) walk(ctx context.Context, root string, alone bool) error {
	err := rd.walkLabels(ctx, root, func(path string, n hosts.Node, fits bool) error {
		if rd.own.of(path) != nil {
			rd.seen[path] = true
		}
		if why, out := rd.leftOut(path, n); out {
			rd.cov.Skipped[why]++
			if n.Type == hosts.Dir && rd.coversBelow(path) {
				return fs.SkipDir
			}
			return nil
		}
		o := rd.own.of(path)
		res := engine.Resource{Addr: engine.Addr{Kind: Kind, Name: path}, Value: cty.NilVal, Node: &n}
		if o != nil {
			res.Package = o.pkg
			res.Pristine = o.pristine.Clone()
		}
		rd.found = append(rd.found, res)
		if fits {
			rd.labelled[path] = true
		}
		if alone && n.Type == hosts.Dir {
			return fs.SkipDir
		}
		rd.listed[path] = n.Type == hosts.Dir
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a declared tree that this host does not have
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", root, err)
	}
	rd.cov.Roots = append(rd.cov.Roots, root)
	return nil
}

func (rd *reading) walkLabels(ctx context.Context, root string, fn func(path string, n hosts.Node, fits bool) error) error {
	if w, ok := rd.r.(hosts.LabelWalker); ok {
		return w.WalkLabels(ctx, root, fn, rd.hole)
	}
	return rd.r.Walk(ctx, root, func(path string, n hosts.Node) error { return fn(path, n, false) }, rd.hole)
}

// leftOut says by which reason a path is none of the snapshot's.
func (rd *reading) leftOut(path string, n hosts.Node) (string, bool) {
	if n.Type == hosts.Other {
		return "sockets, fifos and devices", true
	}
	if ownedElsewhere(path) {
		return "kept entry by entry", true
	}
	if n.Type == hosts.Link {
		if r, ok := rules.UnitLink(path, n.Link); ok {
			return r.Why, true
		}
	}
	if r, ok := rd.hostOnly.Match(path); ok {
		return "the host's own: " + r.Why, true
	}
	if r, ok := rules.ReportedPath(path); ok {
		rd.cov.Notes = append(rd.cov.Notes, path+": "+r.Why)
		return r.Why, true
	}
	if hosts.Within(path, []string{etc}) {
		r, ok := rules.LeftOutPath(path)
		return r.Why, ok
	}
	if r, ok := rules.ThrowawayPath(path); ok {
		return r.Why, true
	}
	r, ok := rules.LiveWrittenPath(path)
	return r.Why, ok
}

// coversBelow reports whether all below a left-out directory is left out too.
func (rd *reading) coversBelow(dir string) bool {
	_, out := rd.leftOut(dir+"/\x01any/\x01any", hosts.Node{Type: hosts.Dir})
	return out
}

// label sets Node.Label of all that was found, by one question to the policy.
func (rd *reading) label(ctx context.Context) error {
	paths := make([]string, 0, len(rd.found))
	for i := range rd.found {
		if p := rd.found[i].Addr.Name; rd.found[i].Node.Type != hosts.Absent && !rd.labelled[p] {
			paths = append(paths, p)
		}
	}
	labels, err := rd.r.Labels(ctx, paths)
	if err != nil {
		return fmt.Errorf("cannot read SELinux labels: %w", err)
	}
	for i := range rd.found {
		rd.found[i].Node.Label = labels[rd.found[i].Addr.Name]
	}
	return nil
}

// content names a file's bytes: by their hash, or as a secret.
func (rd *reading) content(ctx context.Context, f *engine.Resource) error {
	if f.Node.Type != hosts.File {
		return nil
	}
	path := f.Addr.Name
	c := f.Node.Content
	if c.ID.IsZero() && rd.unnamed(f) {
		return nil
	}
	if c.ID.IsZero() { // the walk did not know it
		var err error
		if c, err = rd.r.Digest(ctx, path); err != nil {
			return err
		}
	}
	open := func() (io.ReadCloser, error) { return rd.r.Open(path) }
	// What a package shipped to everyone is no secret.
	if f.Pristine == nil || c != f.Pristine.Content {
		secret, err := rd.secret(path, f.Node.Mode)
		if err != nil {
			return err
		}
		if secret {
			f.Node.Content, err = rd.vault.Secret(open)
			return err
		}
	}
	f.Node.Content = c
	if rd.vault != nil {
		rd.vault.Plain(c, open)
	}
	return nil
}

// count notes of which size there are several large files: these may be the same, and
// what has a name is fetched once.
func (rd *reading) count() {
	rd.ofSize = map[int64]int{}
	for i := range rd.found {
		if n := rd.found[i].Node; n.Type == hosts.File && rd.large.May(n.Content.Size) {
			rd.ofSize[n.Content.Size]++
		}
	}
}

// unnamed leaves the name of a large content to who fetches it, where that was asked
// for and can be done.
func (rd *reading) unnamed(f *engine.Resource) bool {
	path, size := f.Addr.Name, f.Node.Content.Size
	s, steady := rd.r.(hosts.Steady)
	if !steady || rd.vault == nil || !rd.large.May(size) || rd.ofSize[size] > 1 || f.Package != "" {
		return false
	}
	// First, so that what is fetched is what is judged.
	open, ok := s.Steady(path)
	if !ok {
		return false
	}
	if secret, err := rd.secret(path, f.Node.Mode); err != nil || secret {
		return false // what is wrong is told by who goes on
	}
	rd.vault.Unnamed(path, size, open)
	return true
}

func (rd *reading) secret(path string, mode uint32) (bool, error) {
	ask := func(r io.Reader) (bool, error) {
		head, err := io.ReadAll(io.LimitReader(r, rules.HeadSize))
		return err == nil && rules.Secret(path, mode, head), err
	}
	if j, ok := rd.r.(hosts.Judge); ok {
		return j.Judge(path, rules.SecretVersion(), ask)
	}
	f, err := rd.r.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return ask(f)
}

func (rd *reading) hole(path string, err error) {
	mount := errors.Is(err, hosts.ErrMountPoint) || errors.Is(err, hosts.ErrNotMounted)
	rd.cov.Holes = append(rd.cov.Holes, engine.Hole{Path: path, Err: err.Error(), Mount: mount})
}
