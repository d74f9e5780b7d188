package ini_test

import (
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
)

const unitText = "stray=1\n# about\n[Unit]\nDescription = A \"b\" c\n\n[Service]\n  ExecStart=/usr/bin/a \\\n# in between\n    --b \\\n\t--c\nEnvironment=\"A=1\"\nno equals\nPath=\\\\\nUser=\n"

func TestParseUnit(t *testing.T) {
	f := mustParse(t, unit, unitText)
	got := strings.ReplaceAll(dump(f, ini.UnitValue), "\n", "%")
	want := `|stray=1%Unit|Description=A "b" c%Service|ExecStart=/usr/bin/a --b --c%Service|Environment="A=1"%Service|no equals%Service|Path=\\%Service|User=%`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	service := ini.Named(f, "Service")[0]
	st := ini.UnitStyle
	st.SetValue(f, service, service.Nodes[0], "/usr/bin/z")
	st.SetValue(f, service, service.Nodes[1], "X")
	f.Remove(service.Nodes[3])
	st.Add(f, service, "Group", "web")
	want = strings.NewReplacer("/usr/bin/a \\\n# in between\n    --b \\\n\t--c", "/usr/bin/z", "\"A=1\"", "X", "Path=\\\\\n", "", "User=\n", "User=\nGroup=web\n").Replace(unitText)
	if out := after(t, f); out != want {
		t.Errorf("got %q\nwant %q", out, want)
	}
}

// EL 8's systemd takes comments within a value for parts of it.
func TestParseUnit239(t *testing.T) {
	const src = "# a \\\n[Unit]\nA=1\n[Unit]\nB=a \\\n# c \\\n  d\n.include /etc/x\nC=\\\n"
	f := mustParse(t, oldest, src)
	got := strings.ReplaceAll(dump(f, func(s string) string { return strings.ReplaceAll(s, "\n", "$") }), "\n", "%")
	if want := `|%|A=1%Unit|B=a \$# c \$  d%Unit|.include /etc/x%Unit|C=\%`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What comes behind a line that goes on with nothing does not become part of it.
func TestAddBehindBackslash(t *testing.T) {
	for src, want := range map[string]string{
		"[A]\nb=c \\\n":   "[A]\nb=c \\\n\nd=e\n",
		"[A]\nb=c \\\n\n": "[A]\nb=c \\\n\nd=e\n",
		"[A]\n":           "[A]\nd=e\n",
		"[A]\n# x\n":      "[A]\nd=e\n# x\n",
		"[A]":             "[A]\nd=e\n",
	} {
		f := mustParse(t, unit, src)
		ini.UnitStyle.Add(f, f.Root.Nodes[0], "d", "e")
		if got := after(t, f); got != want {
			t.Errorf("%q became %q, want %q", src, got, want)
		}
	}
}

// Any setting of any unit file can be set and taken out, and is what was set.
func FuzzUnitEdit(f *testing.F) {
	f.Add(unitText)
	f.Add("[A]\nb=c\\\n\n\\\n#\\\nd=e\\")
	f.Fuzz(func(t *testing.T, src string) {
		for _, g := range []struct {
			parse func([]byte) (*lens.File, error)
		}{{ini.ParseUnit}, {ini.ParseUnit239}} {
			file, err := g.parse([]byte(src))
			if err != nil {
				return
			}
			n := 0
			for _, s := range file.Root.Nodes {
				for _, e := range s.Nodes {
					if len(e.Words) != 2 {
						continue
					}
					if n++; n%2 == 0 {
						file.Remove(e)
					} else {
						ini.UnitStyle.SetValue(file, s, e, "x")
					}
				}
			}
			out, err := file.Bytes()
			if err != nil {
				t.Fatalf("%q: %v", src, err)
			}
			again, err := g.parse(out)
			if err != nil {
				t.Fatalf("%q became %q: %v", src, out, err)
			}
			left := 0
			for _, s := range again.Root.Nodes {
				for _, e := range s.Nodes {
					if len(e.Words) != 2 {
						continue
					}
					if left++; ini.UnitValue(e.Word(out, 1)) != "x" {
						t.Errorf("%q became %q: %s is %q", src, out, e.Name(out), e.Word(out, 1))
					}
				}
			}
			if left != (n+1)/2 {
				t.Errorf("%q became %q: %d of %d settings", src, out, left, n)
			}
		}
	})
}

// A value of very many lines is read in time that grows with it.
func TestManyLines(t *testing.T) {
	src := "[A]\nb=" + strings.Repeat("x \\\n", 200_000) + "y\n"
	f := mustParse(t, unit, src)
	if got := ini.UnitValue(f.Root.Nodes[0].Nodes[0].Word(f.Source(), 1)); len(got) != 2*200_000+1 {
		t.Errorf("%d bytes", len(got))
	}
}
