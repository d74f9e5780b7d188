package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hikae/engine/control"
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
		if got := e.settled(look.stamp, time.Time{}); got != look.is {
			t.Errorf("look %d, at %s: %v", i, look.stamp, got)
		}
	}
}

// One that was refused is tried again, if it stays as it is: less and less often, and
// as often as at first after the next edit.
func TestEditsAgain(t *testing.T) {
	e := edits{followed: "a", seen: "a"}
	now := time.Now()
	refused := func(stamp string) (waits []time.Duration) {
		e.settled(stamp, now)
		e.settled(stamp, now)
		for range 7 {
			wait := e.refused(now)
			waits = append(waits, wait)
			if e.settled(stamp, now.Add(wait-1)) {
				t.Errorf("it is tried before %v are over", wait)
			}
			if now = now.Add(wait); !e.settled(stamp, now) {
				t.Errorf("it is not tried again after %v", wait)
			}
		}
		return waits
	}
	want := []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9}
	for _, stamp := range []string{"b", "c"} {
		if got := refused(stamp); !slices.Equal(got, want) {
			t.Errorf("%s waits %v, want %v", stamp, got, want)
		}
	}
}

// A project that lacks what is not in it is followed once that has come.
func TestEditedBeforeItsFile(t *testing.T) {
	a := &app{dir: t.TempDir()}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := control.CreateKeys(a.dir); err != nil {
		t.Fatal(err)
	}
	const followed = "host \"a\" { ssh = \"a\" }\nhost \"b\" { local = true }\npair \"p\" {\n members = [host.a, host.b]\n initial_primary = host.a\n}\n"
	write("hikae.hcl", followed)
	pr, err := a.project()
	if err != nil {
		t.Fatal(err)
	}
	stamp := a.projectStamp(pr.Files)
	synctest.Test(t, func(t *testing.T) {
		edited := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.untilEdited(t.Context(), pr.Files, stamp, slog.New(slog.DiscardHandler), func() { edited = true })
		}()
		write("hikae.hcl", followed+"overlay \"host\" \"a\" {\n file \"/etc/motd\" {\n  source = \"motd\"\n }\n}\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		if edited {
			t.Error("a project whose file is missing is followed")
		}
		write("motd", "it is here")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if !edited {
			t.Error("it is not followed, with its file there")
		}
		<-done
	})
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
		keys := filepath.Join(a.dir, ".hikae")
		if err := os.RemoveAll(keys); err != nil {
			t.Fatal(err)
		}
		if err := a.followable(); err == nil {
			t.Errorf("%q, without keys: it can be followed", text)
		}
		if _, err := control.CreateKeys(a.dir); err != nil {
			t.Fatal(err)
		}
		if err := a.followable(); (err == nil) != is {
			t.Errorf("%q: %v", text, err)
		}
	}
}
