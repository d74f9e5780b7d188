package account

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// source is a primary with all that the kinds have to carry.
func source() *fake {
	f := newFake()
	f.file(passwdPath, 0o644, "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\n"+
		"ann:x:1000:1000:Ann B,Room 1:/home/ann:/bin/zsh\nbob:x:1001:1001:J\xf6rg:/home/bob:/bin/bash\n"+
		"app:x:998:997:an app:/var/lib/app:/sbin/nologin\ncarol:x:1005:100::/home/carol:/bin/bash\n+@nis\n")
	f.file(shadowPath, 0, "root:$6$rootsalt$roothash:19000:0:99999:7:::\nbin:*:18700:0:99999:7:::\n"+
		"ann:$6$new$annhash:19500:1:90:14:30:21915:\nbob:!$6$b$bobhash:19000:0:99999:7:::\napp:!!:19100::::::\n"+
		"carol:!!:19000:0:99999:7:::\n")
	f.file(groupPath, 0o644, "root:x:0:\nbin:x:1:\nwheel:x:10:bob,ann\nusers:x:100:\nann:x:1000:\nbob:x:1001:\napp:x:997:ann\nteam:x:1100:ann,bob,carol\n")
	f.file(gshadowPath, 0, "root:::\nbin:::\nwheel:::bob,ann\nusers:::\nann:!::\nbob:!::\napp:!::ann\nteam:$6$t$teamhash:ann:ann,bob,carol\n")
	f.file(subuidPath, 0o644, "ann:200000:65536\nbob:300000:65536\n")
	f.file(subgidPath, 0o644, "ann:200000:65536\nann:400000:1000\n")
	return f
}

func TestRead(t *testing.T) {
	f := source()
	v := vault{}
	users := read(t, User{}, f, v)
	ann := users["ann"]
	for name, want := range map[string]cty.Value{
		"uid": number(1000), "system": cty.False, "group": cty.StringVal("ann"), "gecos": cty.StringVal("Ann B,Room 1"),
		"home": cty.StringVal("/home/ann"), "shell": cty.StringVal("/bin/zsh"), "locked": cty.False,
		"changed": cty.StringVal("2023-05-23"), "min_days": number(1), "max_days": number(90), "warn_days": number(14),
		"inactive_days": number(30), "expires": cty.StringVal("2030-01-01"),
	} {
		if !ann.GetAttr(name).RawEquals(want) {
			t.Errorf("ann.%s is %#v, want %#v", name, ann.GetAttr(name), want)
		}
	}
	if c, err := engine.ParseSecret(ann.GetAttr("password").AsString()); err != nil || v[c.ID] != "$6$new$annhash" {
		t.Errorf("ann's password is %v, %v", c, err)
	}
	if !users["bob"].GetAttr("locked").True() || users["bob"].GetAttr("password").IsNull() {
		t.Error("bob's hash is locked, not gone")
	}
	if got := users["bob"].GetAttr("gecos").AsString(); got != "J%F6rg" {
		t.Errorf("bob's Latin-1 name is %q", got)
	}
	if app := users["app"]; !app.GetAttr("uid").IsNull() || !app.GetAttr("system").True() || !app.GetAttr("changed").IsNull() {
		t.Errorf("a system account has an id or a date: %#v", app)
	}
	groups := read(t, Group{}, f, v)
	if team := groups["team"]; team.GetAttr("password").IsNull() || !team.GetAttr("admins").RawEquals(nameSet("ann")) ||
		!team.GetAttr("members").RawEquals(nameSet("carol,ann,bob")) || !team.GetAttr("gid").RawEquals(number(1100)) {
		t.Errorf("team is %#v", team)
	}
	if len(f.writes) > 0 {
		t.Error("Read wrote")
	}
}

func TestReadLeavesOut(t *testing.T) {
	f := newFake()
	f.data[passwdPath] = append(f.data[passwdPath], "toor:x:0:0::/root:/bin/sh\nWIN\\ann:x:1002:1000::/:/bin/sh\nopen::1003:1000::/:/bin/sh\n"...)
	var notes []string
	cov, err := User{}.Read(t.Context(), f, engine.Scope{}, func(r engine.Resource) error {
		notes = append(notes, r.Addr.Name)
		if r.Addr.Name == "open" && !r.Value.GetAttr("locked").IsNull() {
			t.Error("an empty password is said to be something")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(notes, "toor") || slices.Contains(notes, `WIN\ann`) || len(cov.Skipped) != 2 || len(cov.Notes) != 2 {
		t.Errorf("read %v, coverage %+v", notes, cov)
	}
}

// converge plans and applies groups, then users.
func converge(t *testing.T, from, to *fake, v vault) error {
	t.Helper()
	for _, m := range Modules() {
		cs := plan(m, read(t, m, from, v), read(t, m, to, v))
		if len(cs) == 0 {
			continue
		}
		if _, err := apply(m, to, v, cs...); err != nil {
			return err
		}
	}
	return nil
}

func mustBeEmpty(t *testing.T, from, to *fake, v vault) {
	t.Helper()
	for _, m := range Modules() {
		for _, c := range plan(m, read(t, m, from, v), read(t, m, to, v)) {
			t.Errorf("still to do: %s %s\nbefore %#v\nafter %#v", c.Action, c.Addr, c.Before, c.After)
		}
	}
}

func TestApplyThenReadIsWhatWasWished(t *testing.T) {
	from, to, v := source(), newFake(), vault{}
	if err := converge(t, from, to, v); err != nil {
		t.Fatal(err)
	}
	mustBeEmpty(t, from, to, v)
	for _, p := range []string{passwdPath, shadowPath, groupPath, gshadowPath} {
		if n := slices.Index(to.writes, "put "+p); n < 0 || slices.Contains(to.writes[n+1:], "put "+p) {
			t.Errorf("%s was not written just once: %q", p, to.writes)
		}
		if to.nodes[p].Mode != from.nodes[p].Mode {
			t.Errorf("%s has other metadata: %+v", p, to.nodes[p])
		}
	}
	if got := string(to.data[passwdPath]); !strings.Contains(got, "bob:x:1001:1001:J\xf6rg:/home/bob:/bin/bash\n") {
		t.Errorf("the bytes of a name did not survive:\n%s", got)
	}
	if got := string(to.data[shadowPath]); !strings.Contains(got, "bob:!$6$b$bobhash:") || !strings.Contains(got, "bin:*:") || !strings.Contains(got, "carol:!!:") {
		t.Errorf("shadow is\n%s", got)
	}
	if got := string(to.data[gshadowPath]); !strings.Contains(got, "team:$6$t$teamhash:ann:ann,bob,carol\n") {
		t.Errorf("gshadow is\n%s", got)
	}
	rc := to.nodes["/home/bob/.procmailrc"]
	if rc.Owner != "1001" || rc.Group != "1001" || rc.Mode != 0o600 || string(to.data["/home/bob/.procmailrc"]) != "DEFAULT=Maildir/\n" {
		t.Errorf("bob's home was filled with %+v", rc)
	}
	if n := to.nodes["/home/bob"]; n.Mode != 0o700 || n.Owner != "1001" {
		t.Errorf("bob's home is %+v", n)
	}
	if _, ok := to.nodes["/var/lib/app"]; ok {
		t.Error("a system account got a home")
	}
}

// Cut short at any write and run again, from a new plan, it ends the same.
func TestApplyInterrupted(t *testing.T) {
	v := vault{}
	whole := newFake()
	if err := converge(t, source(), whole, v); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(whole.writes); n++ {
		to := newFake()
		to.failAt = n
		if err := converge(t, source(), to, v); !errors.Is(err, errStopped) {
			t.Fatalf("write %d: %v", n, err)
		}
		to.failAt = 0
		if err := converge(t, source(), to, v); err != nil {
			t.Fatalf("write %d: %v", n, err)
		}
		mustBeEmpty(t, source(), to, v)
		for p, want := range whole.data {
			if string(to.data[p]) != string(want) && !strings.HasSuffix(p, "-") {
				t.Errorf("stopped at write %d, %s is\n%s\nnot\n%s", n, p, to.data[p], want)
			}
		}
		if !maps.EqualFunc(to.nodes, whole.nodes, func(a, b hostsNode) bool { return a.Equal(&b) }) {
			t.Errorf("stopped at write %d, the metadata differ", n)
		}
	}
}

// The same job run again after a stop, as a controller that lost its link does.
func TestSameJobAgain(t *testing.T) {
	v := vault{}
	from := source()
	for n := 1; n < 40; n++ {
		to := newFake()
		for _, m := range Modules() {
			cs := plan(m, read(t, m, from, v), read(t, m, to, v))
			to.failAt = len(to.writes) + n
			_, err := apply(m, to, v, cs...)
			to.failAt = 0
			if err == nil {
				continue
			}
			if _, err := apply(m, to, v, cs...); err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
		}
		mustBeEmpty(t, from, to, v)
	}
}

func TestIDChanges(t *testing.T) {
	to, v := newFake(), vault{}
	to.nodes["/home/ann"] = hostsNode{Type: 'd', Mode: 0o700, Owner: "ann", Group: "ann"}
	from := newFake()
	from.data[passwdPath] = []byte("root:x:0:0:root:/root:/bin/bash\nann:x:1010:1010:Ann:/home/ann:/bin/bash\n")
	from.data[groupPath] = []byte("root:x:0:\nann:x:1010:\n")
	if err := converge(t, from, to, v); err != nil {
		t.Fatal(err)
	}
	mustBeEmpty(t, from, to, v)
	if got := string(to.data[passwdPath]); !strings.Contains(got, "ann:x:1010:1010:") {
		t.Errorf("passwd is\n%s", got)
	}
	want := [][]string{
		{"chown", "-hR", "--preserve-root", "--from=:1000", ":1010", "--", "/home/ann"},
		{"chown", "-hR", "--preserve-root", "--from=1000", "1010", "--", "/home/ann"},
	}
	if !slices.EqualFunc(to.runs, want, slices.Equal) {
		t.Errorf("ran %q", to.runs)
	}
}

// Where the primary holds no hash, none stays behind a lock: usermod -U would give
// somebody a password back that they were not meant to have any more.
func TestNoPasswordIsNone(t *testing.T) {
	for _, field := range []string{"!!", "!", "*", "!*"} {
		to, from, v := source(), source(), vault{}
		edit := func(p, old, now string) { from.data[p] = []byte(strings.Replace(string(from.data[p]), old, now, 1)) }
		edit(shadowPath, "ann:$6$new$annhash:", "ann:"+field+":")
		edit(shadowPath, "bob:!$6$b$bobhash:", "bob:"+field+":") // as userdel and useradd leave it
		edit(gshadowPath, "team:$6$t$teamhash:", "team:!:")
		if err := converge(t, from, to, v); err != nil {
			t.Fatal(err)
		}
		mustBeEmpty(t, from, to, v)
		for _, p := range []string{shadowPath, gshadowPath} {
			for l := range strings.Lines(string(to.data[p])) {
				f := strings.Split(l, ":")
				if slices.Contains([]string{"ann", "bob", "team"}, f[0]) && (f[1] == "" || strings.Trim(f[1], "!*") != "") {
					t.Errorf("primary has %q, the follower %s", field, l)
				}
			}
		}
	}
}

// An overlay that leaves it open keeps the host's own, and an account never opens
// because its hash went.
func TestPasswordLeftOpen(t *testing.T) {
	to, v := newFake(), vault{}
	want := read(t, User{}, to, v)["ann"].AsValueMap()
	want["password"], want["gecos"] = nullString, cty.StringVal("Ann")
	if _, err := apply(User{}, to, v, plan(User{}, map[string]cty.Value{"ann": cty.ObjectVal(want)}, read(t, User{}, to, v))...); err != nil {
		t.Fatal(err)
	}
	if got := string(to.data[shadowPath]); !strings.Contains(got, "ann:$6$annsalt$annhash:") {
		t.Errorf("shadow is\n%s", got)
	}
	want["password"], want["locked"] = noPassword, cty.NullVal(cty.Bool)
	if _, err := apply(User{}, to, v, plan(User{}, map[string]cty.Value{"ann": cty.ObjectVal(want)}, read(t, User{}, to, v))...); err == nil || !strings.Contains(err.Error(), "anyone could log in") {
		t.Errorf("locked is false there, and no hash is left: %v", err)
	}
}

func TestDelete(t *testing.T) {
	to, v := source(), vault{}
	done, err := apply(Group{}, to, v, deletion(Group{}, "bob"), deletion(Group{}, "team"))
	if err != nil || !slices.Equal(done, []string{"team"}) {
		t.Fatalf("done %v, %v: a primary group has to wait", done, err)
	}
	if _, err := apply(User{}, to, v, deletion(User{}, "bob")); err != nil {
		t.Fatal(err)
	}
	if done, err := apply(Group{}, to, v, deletion(Group{}, "bob")); err != nil || len(done) != 1 {
		t.Fatalf("done %v, %v", done, err)
	}
	for p, data := range to.data {
		for l := range strings.Lines(string(data)) {
			if !strings.HasSuffix(p, "-") && (strings.HasPrefix(l, "bob:") || strings.HasPrefix(l, "team:")) {
				t.Errorf("%s still has %s", p, l)
			}
		}
	}
	if !strings.HasSuffix(string(to.data[passwdPath]), "+@nis\n") {
		t.Error("what was not asked for is gone")
	}
	if string(to.data[shadowPath+"-"]) == "" || to.nodes[shadowPath+"-"].Mode != 0 {
		t.Error("no copy was left, or one that all may read")
	}
}
