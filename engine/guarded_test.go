package engine

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts"
)

// A plan names apart what can make root of somebody.
func TestGuarded(t *testing.T) {
	file := func(path string, mode uint32, edit func(*Change)) Change {
		a := Addr{Kind: "file", Name: path}
		c := Change{Addr: a, Action: Create, After: &Resource{Addr: a, Node: &hosts.Node{Type: hosts.File, Mode: mode, Owner: "root", Group: "root"}}}
		if edit != nil {
			edit(&c)
		}
		return c
	}
	account := func(kind, name string, attrs map[string]cty.Value) Change {
		a := Addr{Kind: kind, Name: name}
		return Change{Addr: a, Action: Update, Before: &Resource{Addr: a, Value: cty.EmptyObjectVal}, After: &Resource{Addr: a, Value: cty.ObjectVal(attrs)}}
	}
	members := func(names ...string) map[string]cty.Value {
		set := cty.SetValEmpty(cty.String)
		if len(names) > 0 {
			var vals []cty.Value
			for _, n := range names {
				vals = append(vals, cty.StringVal(n))
			}
			set = cty.SetVal(vals)
		}
		return map[string]cty.Value{"members": set}
	}
	for name, tc := range map[string]struct {
		c    Change
		want string // part of the reason; "" for none
	}{
		"sudoers":         {file("/etc/sudoers.d/x", 0o440, nil), "becomes root"},
		"preload":         {file("/etc/ld.so.preload", 0o644, nil), "every program"},
		"keys":            {file("/home/ann/.ssh/authorized_keys", 0o600, nil), "logs in"},
		"unit":            {file("/etc/systemd/system/x.service", 0o644, nil), "unit"},
		"unit goes":       {file("/etc/systemd/system/x.service", 0o644, func(c *Change) { c.Action, c.Before, c.After = Delete, c.After, nil }), "unit"},
		"job":             {file("/etc/cron.d/x", 0o644, nil), "job"},
		"ordinary":        {file("/etc/motd", 0o644, nil), ""},
		"setuid":          {file("/usr/local/bin/x", 0o4755, nil), "whoever starts it"},
		"setgid dir":      {file("/srv/x", 0o2755, func(c *Change) { c.After.Node.Type = hosts.Dir }), ""},
		"setuid as ever":  {file("/usr/local/bin/x", 0o4755, func(c *Change) { c.Before = c.After }), ""},
		"capabilities":    {file("/usr/local/bin/x", 0o755, func(c *Change) { c.After.Node.Caps = "cap_setuid=ep" }), "cap_setuid"},
		"of its package":  {file("/etc/pam.d/su", 0o644, func(c *Change) { c.After.Pristine = c.After.Node.Clone() }), ""},
		"uid 0":           {account("user", "toor", map[string]cty.Value{"uid": cty.NumberIntVal(0), "group": cty.StringVal("toor")}), "user id 0"},
		"in wheel":        {account("user", "ann", map[string]cty.Value{"group": cty.StringVal("wheel")}), "wheel"},
		"somebody":        {account("user", "ann", map[string]cty.Value{"uid": cty.NumberIntVal(1000), "group": cty.StringVal("ann")}), ""},
		"no values":       {Change{Addr: Addr{Kind: "user", Name: "ann"}, Action: Delete, Before: &Resource{}}, ""},
		"wheel's members": {account("group", "wheel", members("ann")), "ann becomes a member"},
		"nobody of wheel": {account("group", "wheel", members()), ""},
		"another group":   {account("group", "web", members("ann")), ""},
		"a key":           {Change{Addr: Addr{Kind: "repo_key", Name: "x"}, Action: Create, After: &Resource{}}, "believed"},
	} {
		notes := guarded([]Change{tc.c})
		switch {
		case tc.want == "" && len(notes) > 0:
			t.Errorf("%s: %v", name, notes)
		case tc.want != "" && (len(notes) != 1 || notes[0].Addr != tc.c.Addr || !strings.Contains(notes[0].Why, tc.want)):
			t.Errorf("%s: %v", name, notes)
		}
	}
}

// What the controller logs in by stays, whatever the source says.
func TestLoginFilesStay(t *testing.T) {
	schemas := []Schema{{Kind: "file", Node: true, Stage: StageConfig}}
	node := func(size int64) *hosts.Node {
		return &hosts.Node{Type: hosts.File, Mode: 0o440, Owner: "root", Group: "root", Content: hosts.Content{Size: size, ID: hosts.ID{byte(size)}}}
	}
	sudo, other := Addr{Kind: "file", Name: "/etc/sudoers.d/taro"}, Addr{Kind: "file", Name: "/etc/sudoers.d/web"}
	act := &Actual{Facts: hosts.Facts{LoginAccount: "taro", LoginFiles: []string{sudo.Name}}, Resources: map[Addr]*Resource{},
		Coverage: map[string]Coverage{"file": {Whole: true, Roots: []string{"/etc"}}}}
	d := &Desired{Resources: map[Addr]*Resource{}, Pristine: map[Addr]*Resource{}}
	base := Base{}
	for _, a := range []Addr{sudo, other} {
		act.Resources[a] = &Resource{Addr: a, Node: node(1)}
		d.Resources[a] = &Resource{Addr: a, Node: node(2)}
		base[a] = FingerprintOf(act.Resources[a], schemas[0])
	}
	p := MakePlan("h", d, act, base, schemas)
	if len(p.Changes) != 1 || p.Changes[0].Addr != other || len(p.Left) != 1 || p.Left[0].Addr != sudo {
		t.Errorf("changes %v, left %v", p.Changes, p.Left)
	}
	d.Resources = map[Addr]*Resource{}
	if p := MakePlan("h", d, act, base, schemas); len(p.Changes) > 1 || len(p.Changes) == 1 && p.Changes[0].Addr == sudo {
		t.Errorf("removed: %v", p.Changes)
	}
}
