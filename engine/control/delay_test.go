package control

import (
	"fmt"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/hosts"
	"hikae/states"
)

func TestDue(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Loaded: &Loaded{}}
	if was, next, err := c.Due("rio1", time.Hour); err != nil || was != nil || !next.IsZero() {
		t.Errorf("with no generation: %v, %v, %v", was, next, err)
	}
	c.Schemas = []engine.Schema{{Kind: "package", Stage: engine.StageSystem, Attrs: []engine.Attr{{Name: "version", Type: cty.String}}}}
	began := time.Now().UTC().Truncate(time.Millisecond)
	for host, ahead := range map[string]time.Duration{
		"rio1": 0,
		"rio2": 20 * 365 * 24 * time.Hour, // a clock that was set back: what lies in the past is known
	} {
		began := began.Add(ahead)
		for i, age := range []time.Duration{3 * time.Hour, time.Minute, 0} {
			taken := &engine.Snapshot{Host: host, Taken: began.Add(-age), Resources: []engine.Resource{{
				Addr: engine.Addr{Kind: "package", Name: "p"}, Value: cty.ObjectVal(map[string]cty.Value{"version": cty.StringVal(fmt.Sprint(i))}),
			}}}
			files, err := lang.EncodeSnapshot(taken, c.Schemas)
			if err == nil {
				_, _, err = store.WriteSnapshot(host, taken.Taken, "", files, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []struct {
			delay   time.Duration
			version string
			left    time.Duration // until others are due; 0: there are none
		}{
			{time.Hour, "0", 59 * time.Minute},
			{24 * time.Hour, "0", 24*time.Hour - time.Minute}, // it was never so: all that is known
			{30 * time.Second, "1", 30 * time.Second},
			{0, "2", 0},
		} {
			was, next, err := c.Due(host, want.delay)
			if err != nil || was.Resources[0].Value.GetAttr("version").AsString() != want.version {
				t.Errorf("%s: %v: %v, %v, %v", host, want.delay, was, next, err)
			}
			if left := time.Until(next); next.IsZero() != (want.left == 0) || want.left > 0 && (left > want.left || left < want.left-20*time.Second) {
				t.Errorf("%s: %v: others are due in %v, want %v", host, want.delay, left, want.left)
			}
		}
	}
}

// What came while a process runs ages as time passes, wherever the clock is set.
func TestAges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Int64Range(-int64(400*24*time.Hour), int64(400*24*time.Hour))
		wall, since := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), time.Duration(0)
		name := func(at time.Time) string { return at.UTC().Format("20060102T150405.000Z") }
		before := wall.Add(-time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "age"))).Truncate(time.Millisecond)
		gens := []string{name(before)}
		begun := []time.Duration{before.Sub(wall)}
		a := NewAges()
		a.at("rio1", gens, wall, since)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			d := time.Duration(rapid.Int64Range(int64(time.Second), int64(10*time.Hour)).Draw(t, "passes"))
			wall, since = wall.Add(d), since+d
			if rapid.Bool().Draw(t, "the clock is set") {
				wall = wall.Add(time.Duration(day.Draw(t, "by")))
			}
			if rapid.Bool().Draw(t, "one comes") {
				at := wall.Truncate(time.Millisecond)
				if newest, err := states.GenerationTime(gens[len(gens)-1]); err == nil && !at.After(newest) { // as the store has it
					at = newest.Add(time.Millisecond)
				}
				gens, begun = append(gens, name(at)), append(begun, since)
			}
			for i, age := range a.at("rio1", gens, wall, since) {
				if want := since - begun[i]; (age - want).Abs() > time.Millisecond {
					t.Fatalf("generation %d is %v old, want %v", i, age, want)
				}
			}
			if rapid.Bool().Draw(t, "one goes") && len(gens) > 1 {
				gens, begun = gens[1:], begun[1:]
			}
		}
	})
}

func TestWithPackages(t *testing.T) {
	snap := &engine.Snapshot{Host: "rio1", Resources: []engine.Resource{
		{Addr: engine.Addr{Kind: "file", Name: "/etc/new"}}, {Addr: engine.Addr{Kind: "package", Name: "new"}},
	}}
	old := &engine.Snapshot{Host: "rio1", Resources: []engine.Resource{
		{Addr: engine.Addr{Kind: "file", Name: "/etc/old"}}, {Addr: engine.Addr{Kind: "package", Name: "old"}},
	}}
	got := WithPackages(snap, old)
	if len(got.Resources) != 2 || got.Resources[0].Addr.Name != "/etc/new" || got.Resources[1].Addr.Name != "old" {
		t.Errorf("got %v", got.Resources)
	}
	if SamePackages(snap, old) || !SamePackages(got, old) {
		t.Error("packages are compared by more, or by less, than themselves")
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
