package control

import (
	"testing"
	"time"

	"hikae/engine"
	"hikae/states"
)

func TestDelayed(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Loaded: &Loaded{}}
	snap := &engine.Snapshot{Host: "rio1", Resources: []engine.Resource{{Addr: engine.Addr{Kind: "package", Name: "new"}}}}
	if got, err := c.Delayed(snap, time.Hour); err != nil || got != snap {
		t.Errorf("with no generation: %v, %v", got, err)
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
