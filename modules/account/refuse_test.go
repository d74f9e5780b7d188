package account

import (
	"io"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

type hostsNode = hosts.Node

func wished(m engine.Module, name string, attrs map[string]cty.Value) engine.Change {
	a := engine.Addr{Kind: m.Schema().Kind, Name: name}
	return engine.Change{Addr: a, Action: engine.Create, After: &engine.Resource{Addr: a, Value: object(m.Schema(), attrs)}}
}

// Whatever is refused, nothing is written.
func TestRefused(t *testing.T) {
	str, num := cty.StringVal, number
	for name, c := range map[string]struct {
		m      engine.Module
		change engine.Change
		want   string
	}{
		"login account":         {User{}, deletion(User{}, "admin"), "logs in with"},
		"root gone":             {User{}, deletion(User{}, "root"), "never removed"},
		"root group gone":       {Group{}, deletion(Group{}, "root"), "never removed"},
		"another root":          {User{}, wished(User{}, "toor", map[string]cty.Value{"uid": num(0), "group": str("root")}), "uid 0 is root's"},
		"root with another uid": {User{}, wished(User{}, "root", map[string]cty.Value{"uid": num(1000)}), "uid 0 is root's"},
		"another gid 0":         {Group{}, wished(Group{}, "toor", map[string]cty.Value{"gid": num(0)}), "gid 0 is root's"},
		"name":                  {User{}, wished(User{}, "a:b", nil), "cannot be the name"},
		"name of digits":        {User{}, wished(User{}, "1000", nil), "cannot be the name"},
		"name of dots":          {Group{}, wished(Group{}, "..", nil), "cannot be the name"},
		"newline in gecos":      {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "gecos": str("x%0Aroot2::0:0::/:/bin/sh")}), "newline"},
		"colon in shell":        {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "shell": str("/bin/sh:x")}), "colon"},
		"no group":              {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("eves")}), `add group "eves"`},
		"uid taken":             {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "uid": num(1000)}), "it is ann's on this host"},
		"gid taken":             {Group{}, wished(Group{}, "eve", map[string]cty.Value{"gid": num(10)}), "it is wheel's on this host"},
		"uid is no id":          {User{}, wished(User{}, "eve", map[string]cty.Value{"uid": num(1<<32 - 1)}), "whole number"},
		"uid is a fraction":     {User{}, wished(User{}, "eve", map[string]cty.Value{"uid": cty.NumberFloatVal(1.5)}), "whole number"},
		"system against uid":    {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "uid": num(1234), "system": cty.True}), "system = true"},
		"no password":           {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "locked": cty.False}), "anyone could log in"},
		"date":                  {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "expires": str("soon")}), "year-month-day"},
		"member":                {Group{}, wished(Group{}, "eve", map[string]cty.Value{"members": cty.SetVal([]cty.Value{str("a:b")})}), "cannot be a member"},
		"no hash":               {User{}, wished(User{}, "eve", map[string]cty.Value{"group": str("ann"), "password": str("hunter2")}), "cannot read secret"},
		"changed since":         {User{}, wished(User{}, "ann", map[string]cty.Value{"shell": str("/bin/fish")}), "changed since"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.facts.LoginAccount = "admin"
			done, err := apply(c.m, f, vault{}, c.change)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
			if len(f.writes) > 0 || len(done) > 0 {
				t.Errorf("wrote %q, did %q", f.writes, done)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows a secret")
			}
		})
	}
}

// A content that is no hash must not get into shadow: it could add a line.
func TestSecretThatIsNoHash(t *testing.T) {
	for _, secret := range []string{"", "x", "$6$a$b\nroot2::0:0", "$6$a:0", "$" + strings.Repeat("a", maxHash)} {
		f := newFake()
		c := wished(User{}, "eve", map[string]cty.Value{"group": cty.StringVal("ann"), "password": cty.StringVal(engine.SecretRef(hosts.Content{Sealed: true, Size: 3}))})
		err := User{}.Apply(t.Context(), f, engine.Job{
			Changes: []engine.Change{c}, Done: func(engine.Addr) {}, Progress: func(string) {},
			Open: func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(secret)), nil },
		})
		if err == nil || len(f.writes) > 0 || (secret != "" && strings.Contains(err.Error(), secret) && len(secret) > 1) {
			t.Errorf("%q: %v, wrote %q", secret, err, f.writes)
		}
	}
}

func TestTheLoginAccountStaysInItsGroups(t *testing.T) {
	f, v := newFake(), vault{}
	f.facts.LoginAccount = "ann"
	have := read(t, Group{}, f, v)
	want := map[string]cty.Value{"wheel": object(Group{}.Schema(), map[string]cty.Value{"members": nameSet("bob")})}
	if _, err := apply(Group{}, f, v, plan(Group{}, want, have)...); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(f.data[groupPath]), "wheel:x:10:ann,bob\n") && !strings.Contains(string(f.data[groupPath]), "wheel:x:10:bob,ann\n") {
		t.Errorf("group is\n%s", f.data[groupPath])
	}
}

func TestNewAccountsWithoutIDs(t *testing.T) {
	f, v := newFake(), vault{}
	if _, err := apply(Group{}, f, v, wished(Group{}, "svc", map[string]cty.Value{"system": cty.True}), wished(Group{}, "eve", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := apply(User{}, f, v, wished(User{}, "svc", map[string]cty.Value{"system": cty.True}), wished(User{}, "eve", nil)); err != nil {
		t.Fatal(err)
	}
	got := string(f.data[passwdPath])
	if !strings.Contains(got, "\nsvc:x:999:999::/:/sbin/nologin\n") || !strings.Contains(got, "\neve:x:1001:1001::/home/eve:/bin/bash\n") {
		t.Errorf("passwd is\n%s", got)
	}
	if got := string(f.data[shadowPath]); !strings.Contains(got, "eve:!!::0:99999:7:::\n") {
		t.Errorf("shadow is\n%s", got)
	}
}

// Two who change ids with each other do not stand in each other's way.
func TestIDsSwapped(t *testing.T) {
	f, v := source(), vault{}
	have := read(t, User{}, f, v)
	want := map[string]cty.Value{
		"ann": object(User{}.Schema(), map[string]cty.Value{"uid": number(1001)}),
		"bob": object(User{}.Schema(), map[string]cty.Value{"uid": number(1000)}),
	}
	if _, err := apply(User{}, f, v, plan(User{}, want, have)...); err != nil {
		t.Fatal(err)
	}
	if got := string(f.data[passwdPath]); !strings.Contains(got, "ann:x:1001:") || !strings.Contains(got, "bob:x:1000:") {
		t.Errorf("passwd is\n%s", got)
	}
}

func TestPasswordFields(t *testing.T) {
	for _, c := range []struct {
		field, hash string
		locked      bool
	}{
		{"$6$a$bcd", "$6$a$bcd", false}, {"!$6$a$bcd", "$6$a$bcd", true}, {"!!$6$a$bcd", "$6$a$bcd", true},
		{"*", "", true}, {"!", "", true}, {"!!", "", true}, {"!*", "", true}, {"x", "", true}, {"*LK*", "", true}, {"", "", false},
		{"abcdefghijklm", "abcdefghijklm", false},
	} {
		hash, locked := splitPassword(c.field)
		if hash != c.hash || locked != c.locked {
			t.Errorf("%q is hash %q, locked %v", c.field, hash, locked)
		}
		if got := joinPassword(hash, locked, c.field); got != c.field {
			t.Errorf("%q became %q", c.field, got)
		}
		h, l := splitPassword(joinPassword(hash, locked, "*"))
		if h != hash || l != locked {
			t.Errorf("%q written anew reads as %q, %v", c.field, h, l)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add("!$6$x$y", "19000", "Ann%")
	f.Fuzz(func(t *testing.T, pass, days, gecos string) {
		hash, locked := splitPassword(pass)
		if joinPassword(hash, locked, pass) != pass {
			t.Fatal("a password field does not survive")
		}
		if d, ok := formatDate(days); ok && days == strings.TrimLeft(days, "+0") {
			if back, err := parseDate(d); err != nil || back != days {
				t.Fatalf("date %q became %q, %v", days, back, err)
			}
		}
		v := text(gecos)
		if back, err := rawText(v.AsString()); err != nil || back != gecos {
			t.Fatalf("text %q became %q, %v", gecos, back, err)
		}
	})
}
