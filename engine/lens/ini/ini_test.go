package ini_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
)

// dump is what a file says: a line an entry, section|key=value.
func dump(f *ini.File) string {
	var b strings.Builder
	for _, name := range f.Names() {
		sections := f.Named(name)
		for _, s := range sections {
			for _, e := range s.Entries {
				if ini.Last(sections, e.Key) == e {
					b.WriteString(name + "|" + e.Key + "=" + strings.ReplaceAll(e.Value(f.Doc.Source()), "\n", `\n`) + "\n")
				}
			}
		}
	}
	return b.String()
}

func mustParse(t testing.TB, src string) *ini.File {
	t.Helper()
	f, err := ini.Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func after(t testing.TB, f *ini.File) string {
	t.Helper()
	b, err := f.Doc.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"plain":             {"[a]\nk=v\n", "a|k=v\n"},
		"spaces":            {"[a]\nk  =  v w \t\n", "a|k=v w\n"},
		"no line end":       {"[a]\nk=v", "a|k=v\n"},
		"CR LF":             {"[a]\r\nk=v\r\nl=\r\n", "a|k=v\na|l=\n"},
		"byte order mark":   {"\xef\xbb\xbf[a]\nk=v\n", "a|k=v\n"},
		"comments":          {"# x\n[a]\n;y\nk=v # not a comment\n", "a|k=v # not a comment\n"},
		"continued":         {"[a]\nk=v\n  w\n\tx y\n", `a|k=v\nw\nx y` + "\n"},
		"blanks within":     {"[a]\nk=\n \t\n  w\n", `a|k=\nw` + "\n"},
		"blanks, CR LF":     {"[a]\r\nk=v\r\n\r\n  w\r\n", `a|k=v\nw` + "\n"},
		"indented section":  {"[a]\nk=v\n [b]\nl=w\n", "a|k=v\nb|l=w\n"},
		"equals in a value": {"[a]\nk=v=w\n", "a|k=v=w\n"},
		"section twice":     {"[a]\nk=1\n[b]\n[a]\nk=2\n", "a|k=2\n"},
		"key twice":         {"[a]\nk=1\nk=2\n", "a|k=2\n"},
		"comment behind":    {"[a] # x\nk=1\n", "a|k=1\n"},
		"quotes":            {"[a]\nk=\"v w\"\nl='x\"\nm=\"\n", "a|k=v w\na|l='x\"\na|m=\"\n"},
		"empty":             {"", ""},
	} {
		if got := dump(mustParse(t, c.src)); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for src, want := range map[string]string{
		"k=v\n":              "1:1: a setting before the first [section]",
		"[a\n":               "1:1: a [ is not closed",
		"[]\n":               "1:1: a section without a name",
		"[a] bc\n":           "1:5: text after a section's ]",
		"[a]\n  k=v\n":       "2:3: an indented line that goes on with nothing: a setting begins at the first column",
		"[a]\nk=1\n\n  v\n":  "4:3: an indented line that goes on with nothing: a setting begins at the first column",
		"[a]\nk=1\n#\n  v\n": "4:3: an indented line that goes on with nothing: a setting begins at the first column",
		"[a]\nk=1\nword\n":   "3:1: a line without an equals sign",
		"[a]\n=v\n":          "2:1: an equals sign without a key",
	} {
		_, err := ini.Parse([]byte(src))
		if _, ok := errors.AsType[*lens.SyntaxError](err); !ok || err.Error() != want {
			t.Errorf("%q: error %v, want %s", src, err, want)
		}
	}
}

func TestEdit(t *testing.T) {
	const src = "# top\n[a]\nname = A\nbaseurl = http://x\n          http://y\n  \n          http://z\nenabled=1\n\n# of b\n[b]\nk=v"
	for name, c := range map[string]struct {
		edit      func(*ini.File)
		old, want string // the part of src that changes, and what it becomes
	}{
		"value":          {func(f *ini.File) { f.SetValue(f.Sections[0].Entries[0], "B") }, "name = A", "name = B"},
		"long value":     {func(f *ini.File) { f.SetValue(f.Sections[0].Entries[1], "u") }, "http://x\n          http://y\n  \n          http://z\n", "u\n  \n"},
		"add":            {func(f *ini.File) { f.AddEntry(f.Sections[0], "cost", "5") }, "enabled=1\n", "enabled=1\ncost=5\n"},
		"add at the end": {func(f *ini.File) { f.AddEntry(f.Sections[1], "l", "w") }, "k=v", "k=v\nl=w"},
		"remove":         {func(f *ini.File) { f.RemoveEntry(f.Sections[0].Entries[2]) }, "enabled=1\n", ""},
		"remove long":    {func(f *ini.File) { f.RemoveEntry(f.Sections[0].Entries[1]) }, "baseurl = http://x\n          http://y\n  \n          http://z\n", "  \n"},
		"remove section": {func(f *ini.File) { f.RemoveSection(f.Sections[0]) }, src[strings.Index(src, "[a]"):strings.Index(src, "# of b")], ""},
		"add section": {func(f *ini.File) { f.AddSection("c", []ini.Setting{{Key: "k", Value: "1"}}) },
			"k=v", "k=v\n\n[c]\nk = 1\n"},
		"item added":       {func(f *ini.File) { set(f, "http://x", "http://y", "http://n", "http://z") }, "http://y\n", "http://y\n          http://n\n"},
		"item at the end":  {func(f *ini.File) { set(f, "http://x", "http://y", "http://z", "http://n") }, "http://z\n", "http://z\n          http://n\n"},
		"item in front":    {func(f *ini.File) { set(f, "http://n", "http://x", "http://y", "http://z") }, "http://x\n", "http://n\n          http://x\n"},
		"item removed":     {func(f *ini.File) { set(f, "http://x", "http://z") }, "          http://y\n", ""},
		"first removed":    {func(f *ini.File) { set(f, "http://y", "http://z") }, "baseurl = http://x\n", "baseurl = \n"},
		"items turned":     {func(f *ini.File) { set(f, "http://z", "http://x") }, "http://x\n          http://y\n  \n          http://z\n", "http://z\n          http://x\n  \n"},
		"the same":         {func(f *ini.File) { set(f, "http://x", "http://y", "http://z") }, "", ""},
		"item put instead": {func(f *ini.File) { set(f, "http://x", "http://n", "http://z") }, "http://y", "http://n"},
	} {
		f := mustParse(t, src)
		c.edit(f)
		want := src
		if c.old != "" {
			want = strings.Replace(src, c.old, c.want, 1)
		}
		if got := after(t, f); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func set(f *ini.File, items ...string) { f.SetItems(f.Sections[0].Entries[1], items) }

func TestStyleIsTheNeighbours(t *testing.T) {
	f := mustParse(t, "[a]\r\nk : = v\r\n")
	f.AddEntry(f.Sections[0], "l", "w")
	f.AddSection("b", []ini.Setting{{Key: "m", Value: "x"}})
	if got, want := after(t, f), "[a]\r\nk : = v\r\nl = w\r\n\r\n[b]\r\nm = x\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	one := mustParse(t, "[a]\nk=x, y\n")
	one.SetItems(one.Sections[0].Entries[0], []string{"x", "n", "y"})
	if got, want := after(t, one), "[a]\nk=x, n, y\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAgainstLibdnf asks dnf's own parser.
func TestAgainstLibdnf(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import libdnf").Run(); err != nil {
		t.Skipf("not run: no libdnf for %s", python)
	}
	const program = `
import sys, libdnf
p = libdnf.conf.ConfigParser()
p.read(sys.argv[1])
data = p.getData()
for s in data:
    for k in data[s]:
        if not k.startswith("#"):
            sys.stdout.write(s + "|" + k + "=" + data[s][k].replace("\n", "\\n") + "\n")
`
	files, err := filepath.Glob("testdata/*.repo")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", program, file).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, out)
		}
		if got := dump(mustParse(t, string(src))); sorted(got) != sorted(string(out)) {
			t.Errorf("%s: got\n%slibdnf says\n%s", file, got, out)
		}
	}
}

func sorted(lines string) string {
	l := strings.Split(strings.TrimSpace(lines), "\n")
	for i := range l {
		for j := i; j > 0 && l[j] < l[j-1]; j-- {
			l[j], l[j-1] = l[j-1], l[j]
		}
	}
	return strings.Join(l, "\n")
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.repo")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("[a]\nk=v\n  w"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := ini.Parse(src)
		if err != nil {
			return
		}
		before := dump(file)
		for _, s := range file.Sections {
			if s.Header.Start > s.Header.End || s.End < s.Header.End {
				t.Fatalf("section %q: %v ends at %d", s.Name, s.Header, s.End)
			}
			for _, e := range s.Entries {
				file.SetValue(e, strings.ReplaceAll(e.Value(src), "\n", " "))
				file.AddEntry(s, "added", "x")
			}
		}
		again, err := ini.Parse([]byte(after(t, file)))
		if err != nil {
			t.Fatalf("what was edited cannot be read: %v", err)
		}
		if got, want := len(again.Sections), len(file.Sections); got != want {
			t.Fatalf("%d sections after the edit, %d before:\n%s", got, want, before)
		}
	})
}
