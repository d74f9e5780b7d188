package cron

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const rio = "SHELL=/bin/bash\nMAILTO = root\n# m h dom mon dow user  command\n20 3 * * *  root  /etc/rio/conf-patch.sh\n-*/5 * * * *\ttaro  test -d \"$HOME/Maildir\" || echo 'no % Maildir' >&2\n@daily root A=1 /bin/x\n61 * * * * root /bin/never\n@often root /bin/never\n1 2 3 root\n"

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/crontab":            "# nothing\n",
		"/etc/cron.d/rio":         rio,
		"/etc/cron.d/x.rpmsave":   "* * * * * root /bin/never\n",
		"/etc/cron.d/.hidden":     "* * * * * root /bin/never\n",
		"/etc/cron.d/linked":      lenstest.LinkTo + "/srv/tab",
		"/srv/tab":                "* * * * * root /bin/never\n",
		"/var/spool/cron/taro":    "MAILTO=taro\r\n0-30/10,45 9-17 * jan-mar,12 mon-fri mbsync -q\r\n1 1 * * 7 mbsync -q\r\n@reboot x",
		"/var/spool/cron/#tmp.x":  "* * * * * /bin/never\n",
		"/var/spool/crontab/none": "* * * * * /bin/never\n",
	}
}

func edit(name string, pairs ...string) engine.Edit {
	e := engine.Edit{Addr: engine.Addr{Kind: Kind, Name: name}, Attrs: map[string]cty.Value{}}
	for i := 0; i < len(pairs); i += 2 {
		e.Attrs[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return e
}

func absent(name string) engine.Edit {
	e := edit(name)
	e.Absent = true
	return e
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	var got []string
	for _, r := range rs {
		line := r.Addr.Name + " | " + r.Value.GetAttr("schedule").AsString()
		if u := r.Value.GetAttr("user"); !u.IsNull() {
			line += " | " + u.AsString()
		}
		got = append(got, line)
	}
	want := `/etc/cron.d/rio /etc/rio/conf-patch.sh | 20 3 * * * | root
/etc/cron.d/rio test -d "$HOME/Maildir" || echo 'no % Maildir' >&2 | */5 * * * * | taro
/etc/cron.d/rio A=1 /bin/x | @daily | root
/var/spool/cron/taro mbsync -q | 0-30/10,45 9-17 * jan-mar,12 mon-fri
/var/spool/cron/taro x | @reboot`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	warned := lenstest.Text(diags)
	for _, w := range []string{`rio:7: Line passed over: cron passes over it: "61" is no minute`, `rio:8: Line passed over: cron passes over it: "@often" is none of`, `rio:9: Line passed over: cron passes over it: "root" is no month`, "taro:4: Line without an end"} {
		if !strings.Contains(warned, w) {
			t.Errorf("no %s in:\n%s", w, warned)
		}
	}
}

func TestPut(t *testing.T) {
	after := lenstest.PutGet(t, Lens{}, tree(),
		edit("/etc/cron.d/rio /etc/rio/conf-patch.sh", "schedule", "@weekly"),
		edit(`/etc/cron.d/rio test -d "$HOME/Maildir" || echo 'no % Maildir' >&2`, "user", "ann"),
		absent("/etc/cron.d/rio A=1 /bin/x"), absent("/var/spool/cron/taro x"), absent("/etc/cron.d/rio nothing"),
		edit("/var/spool/cron/taro mbsync -q", "schedule", "0 * * * *"),
		edit("/var/spool/cron/ann backup --all", "schedule", "@hourly"),
		edit("/etc/crontab /bin/y", "schedule", "1 2 3 4 5", "user", "bob"),
		edit("/etc/cron.d/new /bin/z", "schedule", "~ 1 * * *", "user", "root"))
	for path, want := range map[string]string{
		"/etc/cron.d/rio":      strings.NewReplacer("20 3 * * *", "@weekly", "\ttaro ", "\tann ", "@daily root A=1 /bin/x\n", "").Replace(rio),
		"/var/spool/cron/taro": "MAILTO=taro\r\n0 * * * * mbsync -q\r\n1 1 * * 7 mbsync -q\r\n",
		"/var/spool/cron/ann":  "@hourly backup --all\n",
		"/etc/crontab":         "# nothing\n1 2 3 4 5 bob /bin/y\n",
		"/etc/cron.d/new":      "~ 1 * * * root /bin/z\n",
	} {
		if after[path] != want {
			t.Errorf("%s: %q\nwant %q", path, after[path], want)
		}
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
	files, _, _ := Lens{}.Put(tree(), []engine.Edit{edit("/var/spool/cron/ann backup", "schedule", "@hourly")})
	if len(files) != 1 || files[0].New == nil || files[0].New.Mode != 0o600 || files[0].New.Owner != "ann" {
		t.Errorf("a person's new table: %+v", files)
	}
}

func TestVerbatim(t *testing.T) {
	var got []string
	for _, r := range (Lens{}).Verbatim(tree()) {
		got = append(got, fmt.Sprintf("%s:%d", r.Filename, r.Start.Line))
	}
	// Variables, lines that are passed over, a job that is there twice.
	if want := "/etc/cron.d/rio:1 /etc/cron.d/rio:2 /etc/cron.d/rio:7 /etc/cron.d/rio:8 /etc/cron.d/rio:9 /var/spool/cron/taro:1 /var/spool/cron/taro:3"; strings.Join(got, " ") != want {
		t.Errorf("verbatim: %s", got)
	}
}

func TestPutRefuses(t *testing.T) {
	for want, e := range map[string]engine.Edit{
		"Not a crontab":           edit("/etc/shadow x", "schedule", "@daily"),
		"path of its table":       edit("/var/spool/cron/../../../etc/x y", "schedule", "@daily"),
		"without a command":       edit("/etc/cron.d/x", "schedule", "@daily", "user", "root"),
		"one line":                edit("/etc/cron.d/x a\n* * * * * root b", "schedule", "@daily", "user", "root"),
		"when it is due":          edit("/etc/cron.d/x a", "user", "root"),
		"say it, with user":       edit("/etc/cron.d/x a", "schedule", "@daily"),
		"begin with an equals":    edit("/var/spool/cron/taro = a", "schedule", "@daily"),
		"are all taro's":          edit("/var/spool/cron/taro a", "schedule", "@daily", "user", "root"),
		`"24" is no hour`:         edit("/var/spool/cron/taro x", "schedule", "1 24 * * *"),
		`"5-1" is no minute`:      edit("/var/spool/cron/taro x", "schedule", "5-1 * * * *"),
		`"*/0" is no month`:       edit("/var/spool/cron/taro x", "schedule", "1 1 1 */0 *"),
		"five fields":             edit("/var/spool/cron/taro x", "schedule", "* * * *"),
		"\"x y\" cannot be one":   edit("/etc/cron.d/rio A=1 /bin/x", "user", "x y"),
		"there and is no file":    edit("/etc/cron.d/linked a", "schedule", "@daily", "user", "root"),
		"write absent = true":     {Addr: edit("/etc/cron.d/rio A=1 /bin/x").Addr, Attrs: map[string]cty.Value{"schedule": cty.NullVal(cty.String)}},
		"five fields or is @dail": edit("/var/spool/cron/taro x", "schedule", "@daily\n* * * * * evil"),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestLaws(t *testing.T) {
	whens := rapid.SampledFrom([]string{"@daily", "* * * * *", "1-5/2  3\t* jan sun", "99 * * * *", "1 22-6 * * *"})
	commands := rapid.SampledFrom([]string{"a", "b -c  d", "e=1"})
	rapid.Check(t, func(t *rapid.T) {
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		lines := func(user string) string {
			all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
				return rapid.SampledFrom([]string{"", " ", "#", "X=", "-"}).Draw(t, "before") + whens.Draw(t, "when") + " " + user + commands.Draw(t, "command")
			}), 0, 4).Draw(t, "lines")
			return strings.Join(all, nl) + rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end")
		}
		tr := lenstest.Tree{"/etc/crontab": lines("root "), "/var/spool/cron/ann": lines("")}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		e := edit("/var/spool/cron/ann "+commands.Draw(t, "edited"), "schedule", "@hourly")
		if rapid.Bool().Draw(t, "the system's") {
			e = edit("/etc/crontab "+commands.Draw(t, "edited"), "schedule", "0 0 * * *", "user", "bob")
		}
		e.Absent = rapid.IntRange(0, 3).Draw(t, "absent") == 0
		lenstest.PutGet(t, Lens{}, tr, e)
	})
}

func FuzzTable(f *testing.F) {
	f.Add(rio, true)
	f.Add("* * * * * x\n@reboot y", false)
	f.Fuzz(func(t *testing.T, text string, system bool) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr, e := lenstest.Tree{"/var/spool/cron/ann": text}, edit("/var/spool/cron/ann fuzzed", "schedule", "@daily")
		if system {
			tr, e = lenstest.Tree{"/etc/crontab": text}, edit("/etc/crontab fuzzed", "schedule", "@daily", "user", "ann")
		}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, e)
	})
}
