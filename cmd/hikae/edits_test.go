package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What is being written is not followed yet: half of a project says that the rest is
// to go.
func TestEdits(t *testing.T) {
	e := edits{followed: "a", seen: "a"}
	for i, look := range []struct {
		stamp string
		is    bool
	}{
		{"a", false}, {"b", false}, {"c", false}, {"c", true}, // it is another now, and stays so
		{"c", false}, {"d", false}, {"c", false}, {"c", false}, // one that was refused is not tried again
		{"e", false}, {"e", true},
	} {
		if got := e.settled(look.stamp); got != look.is {
			t.Errorf("look %d, at %s: %v", i, look.stamp, got)
		}
	}
}

// A project that nobody could follow does not end the loop that follows what it was.
func TestFollowable(t *testing.T) {
	a := &app{dir: t.TempDir()}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(a.dir, "hikae.hcl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const hosts = "host \"a\" { ssh = \"a\" }\nhost \"b\" { local = true }\n"
	write(hosts + "overlay \"host\" \"a\" {\n file \"/etc/motd\" {\n  source = \"motd\"\n }\n}\n")
	motd := filepath.Join(a.dir, "motd")
	if err := os.WriteFile(motd, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	pr, err := a.project()
	if err != nil {
		t.Fatal(err)
	}
	was := a.projectStamp(pr.Files)
	if err := os.WriteFile(motd, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a.projectStamp(pr.Files) == was {
		t.Errorf("a file that the project takes bytes of is another, which nobody sees: %v", pr.Files)
	}
	for text, is := range map[string]bool{
		hosts + "pair \"p\" {\n members = [host.a, host.b]\n initial_primary = host.a\n}\n": true,
		hosts:          false,
		"pair \"p\" {": false,
		"":             false,
	} {
		write(text)
		if err := a.followable(); (err == nil) != is {
			t.Errorf("%q: %v", text, err)
		}
	}
}
