package file

import (
	"context"
	"slices"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// A mount that vanished deletes nothing: not when the source has lost it, for
// then its snapshot has not seen the place; nor is anything made in the
// directory that is left where the target has lost it.
func TestVanishedMount(t *testing.T) {
	fstab := "UUID=1 /srv/data ext4 nofail 0 2\n"
	read := func(h *hosttest.Host) (*engine.Snapshot, *engine.Actual) {
		t.Helper()
		act := &engine.Actual{Resources: map[engine.Addr]*engine.Resource{}, Coverage: map[string]engine.Coverage{}}
		snap := &engine.Snapshot{Host: "source", Coverage: act.Coverage}
		cov, err := Module{}.Read(context.Background(), h, engine.Scope{Paths: []string{"/srv"}}, func(r engine.Resource) error {
			if r.Addr.Name != "/etc/fstab" {
				act.Resources[r.Addr] = &r
				snap.Resources = append(snap.Resources, r)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		act.Coverage[Kind] = cov
		return snap, act
	}
	host := func(files ...string) *hosttest.Host {
		h := hosttest.New(t)
		h.Mkdir("/srv/data")
		for _, f := range files {
			h.Write(f, "x\n")
		}
		return h
	}
	schemas := []engine.Schema{Module{}.Schema()}
	plan := func(source, target *hosttest.Host) *engine.Plan {
		t.Helper()
		snap, _ := read(source)
		_, act := read(target)
		base := engine.Base{}
		for a, r := range act.Resources { // all was made by hikae
			base[a] = engine.FingerprintOf(r, schemas[0])
		}
		d, diags := engine.Compile(engine.Want{Host: "target", Source: snap, Schemas: schemas})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return engine.MakePlan("target", d, act, base, schemas)
	}
	left := func(p *engine.Plan, name string) bool {
		return slices.ContainsFunc(p.Left, func(n engine.Note) bool { return n.Addr.Name == name })
	}

	// Without fstab nobody knows of a mount: it is a deletion, as any other.
	p := plan(host("/srv/x"), host("/srv/x", "/srv/data/1"))
	if len(p.Changes) != 1 || p.Changes[0].Action != engine.Delete {
		t.Errorf("changes: %v", p.Changes)
	}
	source := host("/srv/x")
	source.Write("/etc/fstab", fstab)
	p = plan(source, host("/srv/x", "/srv/data/1"))
	if len(p.Changes) != 0 || !left(p, "/srv/data/1") {
		t.Errorf("the source lost it: changes %v, left %v", p.Changes, p.Left)
	}
	target := host("/srv/x")
	target.Write("/etc/fstab", fstab)
	p = plan(host("/srv/x", "/srv/data/1"), target)
	if len(p.Changes) != 0 || !left(p, "/srv/data/1") {
		t.Errorf("the target lost it: changes %v, left %v", p.Changes, p.Left)
	}
}

// mounted is a host with mount points.
type mounted struct {
	*hosttest.Host
	at []string
}

func (m mounted) MountsAbove(p string) (points []string, err error) {
	for _, at := range m.at {
		if hosts.Within(p, []string{at}) {
			points = append(points, at)
		}
	}
	return points, nil
}

// Of a part of the files, too, what lies on a mount within a tree is another file
// system's; the mount that a tree is on is remembered.
func TestPartOnMounts(t *testing.T) {
	h := hosttest.New(t)
	for _, f := range []string{"/srv/a", "/srv/m/x", "/srv/m/deep/y", "/root/z"} {
		h.Write(f, "x\n")
	}
	for name, c := range map[string]struct {
		at            []string
		scope         engine.Scope
		found, mounts []string
		hole          string
	}{
		"a tree on a mount":   {[]string{"/srv"}, engine.Scope{Only: []string{"/srv/a"}}, []string{"/srv/a"}, []string{"/srv"}, ""},
		"one within":          {[]string{"/srv/m"}, engine.Scope{Only: []string{"/srv/a", "/srv/m/x"}}, []string{"/srv/a"}, nil, "/srv/m"},
		"a tree within":       {[]string{"/srv/m"}, engine.Scope{Within: []string{"/srv/m/deep"}}, nil, nil, "/srv/m"},
		"the mount itself":    {[]string{"/srv/m"}, engine.Scope{Only: []string{"/srv/m"}}, nil, nil, "/srv/m"},
		"a single file's":     {[]string{"/root"}, engine.Scope{Files: []string{"/root/z"}, Only: []string{"/root/z"}}, []string{"/root/z"}, []string{"/root"}, ""},
		"nothing is mounted":  {nil, engine.Scope{Within: []string{"/srv/m/deep"}}, []string{"/srv/m/deep", "/srv/m/deep/y"}, nil, ""},
		"a file is a mount":   {[]string{"/srv/a"}, engine.Scope{Only: []string{"/srv/a"}}, nil, nil, "/srv/a"},
		"all, a tree's mount": {[]string{"/srv"}, engine.Scope{}, []string{"/srv", "/srv/a", "/srv/m", "/srv/m/deep", "/srv/m/deep/y", "/srv/m/x"}, []string{"/srv"}, ""},
	} {
		c.scope.Paths = []string{"/srv"}
		var found []string
		cov, err := Module{}.Read(context.Background(), mounted{h, c.at}, c.scope, func(r engine.Resource) error {
			if hosts.Within(r.Addr.Name, []string{"/srv", "/root"}) {
				found = append(found, r.Addr.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		hole := ""
		for _, one := range cov.Holes {
			if one.Mount {
				hole += one.Path
			}
		}
		if !slices.Equal(found, c.found) || !slices.Equal(cov.Mounts, c.mounts) || hole != c.hole {
			t.Errorf("%s: found %v, mounts %v, hole %q; want %v, %v, %q", name, found, cov.Mounts, hole, c.found, c.mounts, c.hole)
		}
	}
}
