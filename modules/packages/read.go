package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
	"hikae/hosts/sqlite"
)

// Sources implements engine.Sourced. dnf marks the end of a transaction in a file
// of hikae's, where its hook is installed.
func (m *Module) Sources() []hosts.WatchRoot {
	return append(hosts.PackageSources(), hosts.WatchFiles(historyPath, historyPath+sqlite.WALSuffix, hosts.TransactionMark)...)
}

// Read emits the installed packages in the order of their names.
func (m *Module) Read(ctx context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	var cov engine.Coverage
	all, err := r.Packages(ctx)
	switch {
	case ctx.Err() != nil:
		return cov, ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		cov.Notes = append(cov.Notes, "this host has no rpm database: its packages are not known")
		return cov, nil
	case err != nil:
		cov.Holes = append(cov.Holes, engine.Hole{Path: "/var/lib/rpm", Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	hist, err := readHistory(ctx, r)
	if ctx.Err() != nil {
		return cov, ctx.Err()
	}
	historyRead := err == nil
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: historyPath, Err: err.Error()})
	}

	native := r.Facts().Arch
	byLabel, skipped := sift(all, native)
	cov.Skipped = skipped
	var why reasons
	if historyRead {
		if why, err = newReasons(hist, all); err != nil {
			return cov, fmt.Errorf("cannot tell which packages were asked for: %w", err)
		}
	}
	needs := needsOf(byLabel)
	cached := cache{root: m.installRoot}
	var local, unknown []string
	for _, l := range sortedKeys(byLabel) {
		if err := ctx.Err(); err != nil {
			return cov, err
		}
		versions := byLabel[l]
		if len(versions) > 1 {
			cov.Notes = append(cov.Notes, twice(l, versions))
		}
		p := versions[len(versions)-1]
		v := value{version: Version{p.EVR(), p.Arch}.String()}
		if historyRead {
			v.asked = cty.BoolVal(why.asked(p))
			v.repo = cty.NullVal(cty.String)
			if repo, ok := hist.repo(p); ok {
				v.repo = cty.StringVal(repo)
				if repo == "" {
					local = append(local, l)
				}
			} else {
				unknown = append(unknown, l)
			}
		}
		res := engine.Resource{Addr: engine.Addr{Kind: Kind, Name: l}, Value: v.object(), Needs: needs[l]}
		if slices.Contains(s.RPMs, l) {
			if res.Node, err = cached.file(ctx, r, p, s.Vault); err != nil {
				cov.Notes = append(cov.Notes, err.Error())
			}
		}
		if err := emit(res); err != nil {
			return cov, err
		}
	}
	cov.Notes = append(cov.Notes, originNotes(local, unknown)...)
	cov.Whole = true
	return cov, nil
}

// sift groups packages by label, oldest version first, and counts those that
// are left out by the rule's reason. What runs the hardware is the host's own.
func sift(all []*rpmdb.Package, native string) (map[string][]*rpmdb.Package, map[string]int) {
	byLabel, skipped := map[string][]*rpmdb.Package{}, map[string]int{}
	for _, p := range all {
		if p.IsKey() {
			continue
		}
		if rule, ok := rules.HostOnlyPackage(p.Name); ok {
			skipped[rule.Why]++
			continue
		}
		l := label(p.Name, p.Arch, native)
		byLabel[l] = append(byLabel[l], p)
	}
	for _, versions := range byLabel {
		slices.SortStableFunc(versions, func(a, b *rpmdb.Package) int { return a.EVR().Compare(b.EVR()) })
	}
	return byLabel, skipped
}

// value is the attributes of a package as read.
type value struct {
	version     string
	asked, repo cty.Value // cty.NilVal: not known
}

func (v value) object() cty.Value {
	known := func(v cty.Value, t cty.Type) cty.Value {
		if v == cty.NilVal {
			return cty.NullVal(t)
		}
		return v
	}
	return cty.ObjectVal(map[string]cty.Value{
		AttrVersion: cty.StringVal(v.version),
		AttrAsked:   known(v.asked, cty.Bool),
		AttrExact:   cty.NullVal(cty.Bool),
		AttrRepo:    known(v.repo, cty.String),
		AttrSource:  cty.NullVal(cty.String),
	})
}

func twice(label string, versions []*rpmdb.Package) string {
	evrs := make([]string, len(versions))
	for i, p := range versions {
		evrs[i] = p.EVR().String()
	}
	return fmt.Sprintf("%s is installed %d times (%s): a transaction was cut off; dnf remove --duplicates repairs it",
		label, len(versions), strings.Join(evrs, ", "))
}

// maxNamed bounds how many names a note lists.
const maxNamed = 20

func originNotes(local, unknown []string) []string {
	var notes []string
	for i, l := range local {
		if i == maxNamed {
			notes = append(notes, fmt.Sprintf("and %d more packages came from no repository", len(local)-i))
			break
		}
		notes = append(notes, fmt.Sprintf("%s came from no repository: give its file with package %q { source = \"....rpm\" }", l, l))
	}
	if n := len(unknown); n > 0 {
		names := strings.Join(unknown[:min(n, maxNamed)], ", ")
		if n > maxNamed {
			names += ", ..."
		}
		notes = append(notes, fmt.Sprintf("dnf does not remember where %d packages came from (installed with rpm?): %s", n, names))
	}
	return notes
}
