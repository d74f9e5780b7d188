package control

import (
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/hosts"
	"hikae/states"
)

func TestDelayed(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Loaded: &Loaded{}}
	snap := &engine.Snapshot{Host: "rio1", Resources: []engine.Resource{{Addr: engine.Addr{Kind: "package", Name: "new"}}}}
	if got, err := c.Delayed("rio1", snap, time.Hour); err != nil || got != snap {
		t.Errorf("with no generation: %v, %v", got, err)
	}
	// A source that is away is what was last heard of it, and its packages wait too.
	packageSchema := engine.Schema{Kind: "package", Stage: engine.StageSystem, Attrs: []engine.Attr{{Name: "version", Type: cty.String}}}
	c.Schemas = []engine.Schema{packageSchema}
	for _, g := range []struct {
		age     time.Duration
		version string
	}{{3 * time.Hour, "1"}, {time.Minute, "2"}} {
		taken := &engine.Snapshot{Host: "away", Taken: time.Now().Add(-g.age).UTC().Truncate(time.Second), Resources: []engine.Resource{{
			Addr: engine.Addr{Kind: "package", Name: "p"}, Value: cty.ObjectVal(map[string]cty.Value{"version": cty.StringVal(g.version)}),
		}}}
		files, err := lang.EncodeSnapshot(taken, c.Schemas)
		if err == nil {
			_, _, err = store.WriteSnapshot("away", taken.Taken, "", files, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.Delayed("away", nil, time.Hour); err != nil || got.Resources[0].Value.GetAttr("version").AsString() != "1" {
		t.Errorf("away: %v, %v", got, err)
	}
	old := &engine.Snapshot{Host: "rio1", Resources: []engine.Resource{
		{Addr: engine.Addr{Kind: "file", Name: "/etc/old"}}, {Addr: engine.Addr{Kind: "package", Name: "old"}},
	}}
	snap.Resources = append([]engine.Resource{{Addr: engine.Addr{Kind: "file", Name: "/etc/new"}}}, snap.Resources...)
	got := withPackages(snap, old)
	if len(got.Resources) != 2 || got.Resources[0].Addr.Name != "/etc/new" || got.Resources[1].Addr.Name != "old" {
		t.Errorf("got %v", got.Resources)
	}
}

// What is in doubt above a file that is read by its name is of that file too.
func TestPartOfASingleFile(t *testing.T) {
	l := &Live{scope: engine.Scope{Paths: []string{"/srv/a"}, Files: []string{"/opt/x", "/usr/y"}}}
	got := l.part([]hosts.Seen{{Path: "/opt", Deep: true, Shallow: true}})
	if len(got.Only) != 1 || got.Only[0] != "/opt/x" || len(got.Within) != 0 {
		t.Errorf("read are %v and %v", got.Only, got.Within)
	}
	if got = l.part([]hosts.Seen{{Path: "/", Deep: true}}); len(got.Only) != 2 || len(got.Within) != 2 {
		t.Errorf("read are %v and %v", got.Only, got.Within)
	}
}
