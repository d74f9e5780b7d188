package ini_test

import (
	"strings"
	"testing"

	"hikae/engine/lens/ini"
)

const unitText = "stray=1\n# about\n[Unit]\nDescription = A \"b\" c\n\n[Service]\n  ExecStart=/usr/bin/a \\\n# in between\n    --b \\\n\t--c\nEnvironment=\"A=1\"\nno equals\nPath=\\\\\nUser=\n"

func TestParseUnit(t *testing.T) {
	f, err := ini.ParseUnit([]byte(unitText))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range f.Sections {
		for _, e := range s.Entries {
			got = append(got, s.Name+"."+e.Key+"="+e.UnitValue([]byte(unitText)))
		}
	}
	want := "Unit.Description=A \"b\" c|Service.ExecStart=/usr/bin/a --b --c|Service.Environment=\"A=1\"|Service.Path=\\\\|Service.User="
	if strings.Join(got, "|") != want {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
	service := f.Sections[1]
	f.SetValue(service.Entries[0], "/usr/bin/z")
	f.SetValue(service.Entries[1], "X")
	f.RemoveEntry(service.Entries[2])
	f.AddEntry(service, "Group", "web")
	out, err := f.Doc.Bytes()
	want = strings.NewReplacer("/usr/bin/a \\\n# in between\n    --b \\\n\t--c", "/usr/bin/z", "\"A=1\"", "X", "Path=\\\\\n", "", "User=\n", "User=\nGroup=web\n").Replace(unitText)
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v\nwant %q", out, err, want)
	}
	if _, err := ini.ParseUnit([]byte("[Unit]\n[Timer\n")); err == nil || err.Error() != "2:1: a [ is not closed" {
		t.Errorf("got %v", err)
	}
}

// Any entry of any file can be set and taken out, and is what was set.
func FuzzParseUnit(f *testing.F) {
	f.Add(unitText)
	f.Add("[A]\nb=c\\\n\n\\\n#\\\nd=e\\")
	f.Fuzz(func(t *testing.T, src string) {
		file, err := ini.ParseUnit([]byte(src))
		if err != nil {
			return
		}
		n := 0
		for _, s := range file.Sections {
			for _, e := range s.Entries {
				e.UnitValue([]byte(src))
				if n++; n%2 == 0 {
					file.RemoveEntry(e)
				} else {
					file.SetValue(e, "x")
				}
			}
		}
		out, err := file.Doc.Bytes()
		if err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		again, err := ini.ParseUnit(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, out, err)
		}
		left := 0
		for _, s := range again.Sections {
			for _, e := range s.Entries {
				if left++; e.UnitValue(out) != "x" {
					t.Errorf("%q became %q: %s is %q", src, out, e.Key, e.UnitValue(out))
				}
			}
		}
		if left != (n+1)/2 {
			t.Errorf("%q became %q: %d of %d entries", src, out, left, n)
		}
	})
}
