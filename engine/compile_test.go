package engine

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/rules"
	"hikae/hosts"
)

// Nothing of the host's own crosses: neither from a snapshot that says so, nor
// from HCL that asks for it (nor past the writer: engine/execute). One case per
// built-in rule.
func TestHostOwnNeverCrosses(t *testing.T) {
	for _, r := range rules.HostOnlyPaths().Rules() {
		t.Run(r.Pattern, func(t *testing.T) {
			a := Addr{Kind: "file", Name: r.Example}
			res := file(r.Example, 1)
			d := desired(t, Want{Host: "standby", Source: snapshot(res)})
			if d.Resources[a] != nil || len(d.Left) != 1 {
				t.Errorf("%s came from a snapshot: %v", a, d.Left)
			}
			_, diags := Compile(Want{
				Host: "standby", Source: snapshot(), Schemas: testSchemas(),
				Patches: []Patch{{Addr: a, Rank: RankHost, Content: []byte("x")}},
			})
			if !diags.HasErrors() || !strings.Contains(diags.Error(), "host's own") {
				t.Errorf("HCL that asks for %s is taken: %v", a, diags)
			}
		})
	}
}

func TestWhetherAUnitRunsComesFromEnablement(t *testing.T) {
	tests := []struct {
		name             string
		enabled, running bool
		want             cty.Value
	}{
		{"enabled and running", true, true, cty.True},
		{"enabled and stopped: a primary that stops", true, false, cty.True},
		{"running though not enabled", false, true, cty.NullVal(cty.Bool)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := service("x.service", tt.enabled, tt.running)
			d := desired(t, Want{Host: "standby", Source: snapshot(s)})
			if got := d.Resources[s.Addr].Value.GetAttr("running"); !got.RawEquals(tt.want) {
				t.Errorf("on a follower: %#v", got)
			}
			d = desired(t, Want{Host: "primary", Source: snapshot(s)})
			if got := d.Resources[s.Addr].Value.GetAttr("running"); !got.RawEquals(cty.BoolVal(tt.running)) {
				t.Errorf("on itself: %#v", got)
			}
		})
	}
}

func TestStandbyHolds(t *testing.T) {
	src := snapshot(
		service("dhcpd.service", true, true), service("backup.timer", true, true),
		service("logrotate.timer", true, true), service("httpd.service", true, true),
		file("/etc/cron.d/house", 1), file("/etc/motd", 2),
	)
	d := desired(t, Want{Host: "standby", Role: RoleStandby, Source: src})
	held := map[string]bool{}
	for _, n := range d.Held {
		held[n.Addr.String()] = true
		if n.Why == "" {
			t.Errorf("%s is held without a reason", n.Addr)
		}
	}
	for _, a := range []string{"service:dhcpd.service", "service:backup.timer", "file:/etc/cron.d/house"} {
		if !held[a] {
			t.Errorf("%s is not held", a)
		}
	}
	if len(held) != 3 {
		t.Errorf("held: %v", held)
	}
	if v := d.Resources[Addr{Kind: "service", Name: "dhcpd.service"}].Value; !v.GetAttr("running").RawEquals(cty.False) || !v.GetAttr("enabled").RawEquals(cty.False) {
		t.Errorf("dhcpd: %#v", v)
	}
	if d.Resources[Addr{Kind: "file", Name: "/etc/cron.d/house"}] != nil {
		t.Error("a crontab crosses")
	}
	if d := desired(t, Want{Host: "fresh", Role: RolePrimary, Source: src}); len(d.Held) != 0 {
		t.Errorf("a rebuilt primary holds %v", d.Held)
	}
}

// Every built-in rule about what a standby does not do, and about what it does
// all the same, holds for its example.
func TestStandbyHoldsByEachRule(t *testing.T) {
	for name, held := range map[string]bool{
		"Held on a standby: units": true, "Held on a standby: jobs": true,
		"Timers that are safe on a standby": false, "Jobs that are safe on a standby": false,
	} {
		for _, r := range listNamed(t, name).Rules {
			t.Run(r.Pattern, func(t *testing.T) {
				res := service(r.Example, true, true)
				if strings.HasPrefix(r.Example, "/") {
					res = file(r.Example, 1)
				}
				if _, own := HostOwn(res.Addr); own {
					t.Skip("neither read nor set at all")
				}
				d := desired(t, Want{Host: "standby", Role: RoleStandby, Source: snapshot(res)})
				if got := len(d.Held) == 1; got != held {
					t.Errorf("%s: held is %v: %v", res.Addr, got, d.Held)
				}
				d = desired(t, Want{Host: "fresh", Role: RolePrimary, Source: snapshot(res)})
				if len(d.Held) != 0 || d.Resources[res.Addr] == nil {
					t.Errorf("a primary holds %s: %v", res.Addr, d.Held)
				}
				d = desired(t, Want{Host: "standby", Role: RoleStandby, Source: snapshot(res), Safe: []string{r.Example}})
				if len(d.Held) != 0 || d.Resources[res.Addr] == nil {
					t.Errorf("%s is held though it was declared safe: %v", res.Addr, d.Held)
				}
			})
		}
	}
}

// Packages for the hardware and the host's own units never cross: one case per
// built-in rule.
func TestHostOwnPackagesAndUnits(t *testing.T) {
	for name, make := range map[string]func(string) Resource{
		"Packages for the hardware": func(n string) Resource { return pkg(n, "1") },
		"Units of the host's own":   func(n string) Resource { return service(n, true, true) },
	} {
		for _, r := range listNamed(t, name).Rules {
			res := make(r.Example)
			d := desired(t, Want{Host: "standby", Source: snapshot(res)})
			if d.Resources[res.Addr] != nil || len(d.Left) != 1 {
				t.Errorf("%s came from a snapshot: %v", res.Addr, d.Left)
			}
			if near := make(r.Near); desired(t, Want{Host: "standby", Source: snapshot(near)}).Resources[near.Addr] == nil {
				if _, other := HostOwn(near.Addr); !other {
					t.Errorf("%s does not cross", near.Addr)
				}
			}
		}
	}
}

func listNamed(t *testing.T, name string) rules.List {
	t.Helper()
	for _, l := range rules.Lists() {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("there is no list %q", name)
	return rules.List{}
}

func TestOverlayByRank(t *testing.T) {
	a := Addr{Kind: "file", Name: "/etc/motd"}
	mode := func(s string) map[string]cty.Value { return map[string]cty.Value{"mode": cty.StringVal(s)} }
	d := desired(t, Want{Host: "standby", Source: snapshot(file("/etc/motd", 1)), Patches: []Patch{
		{Addr: a, Rank: RankHost, Attrs: mode("0600")},
		{Addr: a, Rank: RankRole, Attrs: mode("0640"), Content: []byte("role\n")},
	}})
	n := d.Resources[a].Node
	if n.Mode != 0o600 || n.Content.Size != 5 || string(d.Inline[n.Content.ID].Data) != "role\n" {
		t.Errorf("got %+v", n)
	}
	d = desired(t, Want{Host: "standby", Source: snapshot(file("/etc/motd", 1)), Patches: []Patch{{Addr: a, Rank: RankHost, Absent: true}}})
	if d.Resources[a].Node.Type != hosts.Absent {
		t.Errorf("got %+v", d.Resources[a].Node)
	}
}

// An overlay may set one attribute of a file that the source has as its
// package shipped it, and null is the package's.
func TestOverlayOfPristine(t *testing.T) {
	shipped := config("/etc/a", 1, 1)
	shipped.Node.Mode, shipped.Pristine.Mode = 0o640, 0o640
	for value, want := range map[cty.Value]uint32{cty.StringVal("0600"): 0o600, cty.NullVal(cty.String): 0o640} {
		d := desired(t, Want{Host: "standby", Source: snapshot(shipped), Patches: []Patch{
			{Addr: shipped.Addr, Rank: RankHost, Attrs: map[string]cty.Value{"mode": value}},
		}})
		r := d.Resources[shipped.Addr]
		if r == nil || r.Node.Mode != want || r.Node.Content != shipped.Node.Content || d.Pristine[shipped.Addr] != nil {
			t.Errorf("mode %#v: got %+v", value, r)
		}
	}
	if shipped.Node.Mode != 0o640 {
		t.Error("the snapshot was changed")
	}
}

func TestOnly(t *testing.T) {
	d := desired(t, Want{Host: "vps", Source: snapshot(file("/etc/named/a", 1), file("/etc/shadowed", 1), pkg("bind", "1")), Only: []string{"file:/etc/named/**"}})
	if len(d.Resources) != 1 || d.Resources[Addr{Kind: "file", Name: "/etc/named/a"}] == nil {
		t.Errorf("got %v", d.Resources)
	}
}
