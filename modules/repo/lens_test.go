package repo

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const baseos = `# Rocky-BaseOS.repo
#
# The mirrorlist system uses the connecting IP address of the client.

[baseos]
name=Rocky Linux $releasever - BaseOS
mirrorlist=https://mirrors.example.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever
#baseurl=http://dl.example.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgcheck=1
enabled=1
countme=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-rockyofficial

[baseos-debug]
name=Debug
enabled=0
`

const house = "[house]\r\nname = The house's own\r\nbaseurl = file:///srv/a,\r\n          file:///srv/b\r\npassword = x\r\nenabled = Yes\r\nexclude = php*\r\ncost = many\r\n"

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/dnf/dnf.conf":                    "[main]\ngpgcheck=1\n",
		"/etc/yum.repos.d/Rocky-BaseOS.repo":   baseos,
		"/etc/yum.repos.d/house.repo":          house,
		"/etc/yum.repos.d/house.repo.rpmsave":  "[not]\nbaseurl=x\n",
		"/etc/yum.repos.d/.hidden.repo":        "[not]\nbaseurl=x\n",
		"/etc/distro.repos.d/elsewhere.repo":   lenstest.LinkTo + "/srv/repos/real.conf",
		"/srv/repos/real.conf":                 "[linked]\nbaseurl=http://l.example.org/\n",
		"/etc/yum.repos.d/zz-late.repo":        "[house]\nbaseurl=http://never.example.org/\n",
		"/etc/yum.repos.d/unreadable-now.repo": "[x]\nbaseurl\n",
	}
}

func get(t testing.TB, tr engine.Tree) (map[string]cty.Value, hcl.Diagnostics) {
	t.Helper()
	rs, diags := Lens{}.Get(tr)
	m := map[string]cty.Value{}
	for _, r := range rs {
		m[r.Addr.Name] = r.Value
	}
	return m, diags
}

func TestGet(t *testing.T) {
	repos, diags := get(t, tree())
	if got := sortedIDs(repos); got != "baseos baseos-debug house linked" {
		t.Errorf("repositories: %s", got)
	}
	warned := lenstest.Text(diags)
	for _, want := range []string{
		"/etc/yum.repos.d/unreadable-now.repo:2: File cannot be read: a line without an equals sign. dnf passes over the file.",
		`/etc/yum.repos.d/zz-late.repo:1: Repository defined twice: dnf knows "house" from /etc/yum.repos.d/house.repo already`,
	} {
		if !strings.Contains(warned, want) {
			t.Errorf("warnings lack %q:\n%s", want, warned)
		}
	}
	if diags.HasErrors() {
		t.Errorf("errors: %s", warned)
	}
	h := repos["house"]
	for attr, want := range map[string]cty.Value{
		"file":        cty.StringVal("/etc/yum.repos.d/house.repo"),
		"name":        cty.StringVal("The house's own"),
		"baseurl":     cty.ListVal([]cty.Value{cty.StringVal("file:///srv/a"), cty.StringVal("file:///srv/b")}),
		"enabled":     cty.True,
		"excludepkgs": cty.ListVal([]cty.Value{cty.StringVal("php*")}),
		"cost":        cty.NullVal(cty.Number), // not understood: counted
		"others":      cty.NumberIntVal(2),     // cost and password
		"mirrorlist":  cty.NullVal(cty.String), // not there
	} {
		if got := h.GetAttr(attr); !got.RawEquals(want) {
			t.Errorf("%s: %#v, want %#v", attr, got, want)
		}
	}
	if strings.Contains(h.GoString(), `"x"`) {
		t.Error("the password is shown")
	}
}

func sortedIDs[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

func edit(id string, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, Name: id}, Attrs: attrs}
}

func strs(items ...string) cty.Value {
	if len(items) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var vs []cty.Value
	for _, i := range items {
		vs = append(vs, cty.StringVal(i))
	}
	return cty.ListVal(vs)
}

func TestPut(t *testing.T) {
	type attrs = map[string]cty.Value
	for name, c := range map[string]struct {
		edits     []engine.Edit
		file      string
		old, want string // the part that changes; old "": the whole file is want
	}{
		"a flag": {[]engine.Edit{edit("baseos", attrs{"enabled": cty.False})},
			"/etc/yum.repos.d/Rocky-BaseOS.repo", "enabled=1", "enabled=0"},
		"a flag in words": {[]engine.Edit{edit("house", attrs{"enabled": cty.False})},
			"/etc/yum.repos.d/house.repo", "enabled = Yes", "enabled = No"},
		"a new setting": {[]engine.Edit{edit("baseos", attrs{"priority": cty.NumberIntVal(10)})},
			"/etc/yum.repos.d/Rocky-BaseOS.repo", "RPM-GPG-KEY-rockyofficial\n", "RPM-GPG-KEY-rockyofficial\npriority=10\n"},
		"the default again": {[]engine.Edit{edit("baseos", attrs{"gpgcheck": cty.NullVal(cty.Bool)})},
			"/etc/yum.repos.d/Rocky-BaseOS.repo", "gpgcheck=1\n", ""},
		"one more URL": {[]engine.Edit{edit("house", attrs{"baseurl": strs("file:///srv/a", "file:///srv/b", "file:///srv/c")})},
			"/etc/yum.repos.d/house.repo", "file:///srv/b\r\n", "file:///srv/b\r\n          file:///srv/c\r\n"},
		"an alias": {[]engine.Edit{edit("house", attrs{"excludepkgs": strs("php*", "httpd")})},
			"/etc/yum.repos.d/house.repo", "exclude = php*", "exclude = php* httpd"},
		"what was not understood": {[]engine.Edit{edit("house", attrs{"cost": cty.NumberIntVal(500)})},
			"/etc/yum.repos.d/house.repo", "cost = many", "cost = 500"},
		"gone": {[]engine.Edit{{Addr: engine.Addr{Kind: Kind, Name: "baseos-debug"}, Absent: true}},
			"/etc/yum.repos.d/Rocky-BaseOS.repo", "[baseos-debug]\nname=Debug\nenabled=0\n", ""},
		"behind a link": {[]engine.Edit{edit("linked", attrs{"enabled": cty.False})},
			"/srv/repos/real.conf", "l.example.org/\n", "l.example.org/\nenabled=0\n"},
		"a new one": {[]engine.Edit{edit("epel", attrs{"name": cty.StringVal("EPEL"), "baseurl": strs("http://e.example.org/"), "gpgcheck": cty.True})},
			"/etc/yum.repos.d/epel.repo", "", "[epel]\nname=EPEL\nbaseurl=http://e.example.org/\ngpgcheck=1\n"},
		"a new one beside another": {[]engine.Edit{edit("shed", attrs{"file": cty.StringVal("/etc/yum.repos.d/house.repo"), "baseurl": strs("file:///srv/shed")})},
			"/etc/yum.repos.d/house.repo", "cost = many\r\n", "cost = many\r\n\r\n[shed]\r\nbaseurl = file:///srv/shed\r\n"},
	} {
		before := tree()
		after := lenstest.PutGet(t, Lens{}, before, c.edits...)
		want := c.want
		if c.old != "" {
			want = strings.Replace(before[c.file], c.old, c.want, 1)
		}
		if after[c.file] != want {
			t.Errorf("%s: %s is\n%q\nwant\n%q", name, c.file, after[c.file], want)
		}
		for p := range after {
			if p != c.file && after[p] != before[p] {
				t.Errorf("%s: %s changed too", name, p)
			}
		}
	}
}

func TestPutRefuses(t *testing.T) {
	type attrs = map[string]cty.Value
	for want, e := range map[string]engine.Edit{
		"name is one line without blanks or quotes around it": edit("house", attrs{"name": cty.StringVal("a\n[evil]")}),
		"An item of baseurl is not empty":                     edit("house", attrs{"baseurl": strs("http://x", "[evil]")}),
		"cost is a whole number":                              edit("house", attrs{"cost": cty.NumberFloatVal(1.5)}),
		"say where it is":                                     edit("new", attrs{"name": cty.StringVal("New")}),
		`"ne]w" cannot be one`:                                edit("ne]w", attrs{"baseurl": strs("x")}),
		`"main" cannot be one`:                                edit("main", attrs{"baseurl": strs("x")}),
		"is no *.repo file of":                                edit("new", attrs{"baseurl": strs("x"), "file": cty.StringVal("/etc/shadow")}),
		"to move it, move its file":                           edit("house", attrs{"file": cty.StringVal("/etc/yum.repos.d/other.repo")}),
		"is there and dnf passes over it":                     edit("x", attrs{"baseurl": strs("x"), "file": cty.StringVal("/etc/yum.repos.d/unreadable-now.repo")}),
		"/etc/yum.repos.d/../evil.repo is no *.repo":          edit("new", attrs{"baseurl": strs("x"), "file": cty.StringVal("/etc/yum.repos.d/../evil.repo")}),
	} {
		e.Range = hcl.Range{Filename: "overlay.hcl", Start: hcl.Pos{Line: 7}}
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		text := lenstest.Text(diags)
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(text, want) || !strings.HasPrefix(text, "overlay.hcl:7: ") {
			t.Errorf("%s: files %v, said %s", want, files, text)
		}
	}
	broken := tree()
	broken["/etc/dnf/dnf.conf"] = "nonsense"
	if _, _, diags := (Lens{}).Put(broken, nil); !diags.HasErrors() {
		t.Error("a broken dnf.conf is taken")
	}
}

// genFile draws a repo file of odd but lawful looks.
func genFile(t *rapid.T) string {
	nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
	var b strings.Builder
	comment := rapid.SampledFrom([]string{"", "", "# said" + nl, "; baseurl=x" + nl, nl})
	for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "main"}), 0, 4).Draw(t, "ids") {
		b.WriteString(comment.Draw(t, "comment") + "[" + id + "]" + nl)
		for _, s := range rapid.SliceOfN(rapid.SampledFrom(settings()), 0, 5).Draw(t, "settings") {
			eq := rapid.SampledFrom([]string{"=", " = ", "= "}).Draw(t, "equals")
			value := ""
			switch s.form {
			case list:
				items := rapid.SliceOfN(rapid.SampledFrom([]string{"u", "v", "w"}), 0, 3).Draw(t, "items")
				value = strings.Join(items, rapid.SampledFrom([]string{" ", ", ", nl + "   "}).Draw(t, "between"))
			case flag:
				value = rapid.SampledFrom([]string{"1", "0", "yes", "False", "ON", "perhaps"}).Draw(t, "flag")
			case number:
				value = rapid.SampledFrom([]string{"1", "99", "x"}).Draw(t, "number")
			default:
				value = rapid.SampledFrom([]string{"x", "a b = c", "", `"q"`}).Draw(t, "text")
			}
			b.WriteString(s.attr + eq + value + nl + comment.Draw(t, "comment"))
		}
	}
	return strings.TrimSuffix(b.String(), rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end"))
}

func genEdit(t *rapid.T) engine.Edit {
	e := edit(rapid.SampledFrom([]string{"a", "b", "n"}).Draw(t, "id"), map[string]cty.Value{"baseurl": strs("http://x/")})
	if rapid.IntRange(0, 5).Draw(t, "absent") == 0 {
		e.Absent = true
		return e
	}
	for _, s := range rapid.SliceOfN(rapid.SampledFrom(settings()), 1, 4).Draw(t, "settings") {
		switch {
		case s.attr == "baseurl":
			e.Attrs[s.attr] = strs(rapid.SliceOfN(rapid.SampledFrom([]string{"u", "v", "w", "x"}), 1, 4).Draw(t, "items")...)
		case rapid.IntRange(0, 3).Draw(t, "null") == 0:
			e.Attrs[s.attr] = cty.NullVal(s.form.typ())
		case s.form == list:
			e.Attrs[s.attr] = strs(rapid.SliceOfN(rapid.SampledFrom([]string{"u", "v", "w", "x"}), 0, 4).Draw(t, "items")...)
		case s.form == flag:
			e.Attrs[s.attr] = cty.BoolVal(rapid.Bool().Draw(t, "flag"))
		case s.form == number:
			e.Attrs[s.attr] = cty.NumberIntVal(rapid.Int64Range(-5, 500).Draw(t, "number"))
		default:
			e.Attrs[s.attr] = cty.StringVal(rapid.SampledFrom([]string{"", "y", "a = b", "[x]", "#y"}).Draw(t, "text"))
		}
	}
	return e
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := lenstest.Tree{
			"/etc/yum.repos.d/one.repo": genFile(t),
			"/etc/yum.repos.d/two.repo": genFile(t),
		}
		lenstest.GetPut(t, Lens{}, tr)
		edits := []engine.Edit{genEdit(t)}
		if e := genEdit(t); e.Addr != edits[0].Addr {
			edits = append(edits, e)
		}
		lenstest.PutGet(t, Lens{}, tr, edits...)
	})
}

// TestThereAndBack: an edit undone leaves the bytes as they were.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := lenstest.Tree{"/etc/yum.repos.d/one.repo": genFile(t)}
		rs, _ := Lens{}.Get(tr)
		var there, back []engine.Edit
		for _, r := range rs {
			for _, s := range settings() {
				v := r.Value.GetAttr(s.attr)
				if v.IsNull() || s.form == list {
					continue
				}
				other := map[form]cty.Value{text: cty.StringVal("other"), number: cty.NumberIntVal(7)}[s.form]
				if s.form == flag {
					other = v.Not()
				}
				there = append(there, edit(r.Addr.Name, map[string]cty.Value{s.attr: other}))
				back = append(back, edit(r.Addr.Name, map[string]cty.Value{s.attr: v}))
			}
		}
		files, _, diags := Lens{}.Put(tr, there)
		if diags.HasErrors() {
			t.Fatalf("%s", lenstest.Text(diags))
		}
		files, _, diags = Lens{}.Put(tr.With(files), back)
		if diags.HasErrors() {
			t.Fatalf("%s", lenstest.Text(diags))
		}
		for _, f := range files {
			if want := tr[f.Path]; want != string(f.Bytes) {
				t.Fatalf("there and back:\n%q\nbecame\n%q", want, f.Bytes)
			}
		}
	})
}

func FuzzLens(f *testing.F) {
	f.Add(baseos)
	f.Add(house)
	f.Fuzz(func(t *testing.T, src string) {
		tr := lenstest.Tree{"/etc/yum.repos.d/a.repo": src}
		lenstest.GetPut(t, Lens{}, tr)
		rs, diags := Lens{}.Get(tr)
		if len(diags) > 0 || len(rs) == 0 {
			return
		}
		lenstest.PutGet(t, Lens{}, tr, edit(rs[0].Addr.Name, map[string]cty.Value{"enabled": cty.False, "name": cty.StringVal("n"), "cost": cty.NullVal(cty.Number)}))
	})
}
