package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A unit's command line means what it says, whatever the project's directory is
// called.
func TestUnitWord(t *testing.T) {
	for in, want := range map[string]string{
		"/srv/hikae":  "/srv/hikae",
		"/srv/a b":    `"/srv/a b"`,
		`/srv/"x\y`:   `"/srv/\"x\\y"`,
		"/srv/100%$x": `"/srv/100%%$$x"`,
		"/srv/a\nb":   `"/srv/a\x0ab"`,
		"":            `""`,
	} {
		if got := unitWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestPrintUnit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a house")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"-C", dir, "watch", "--print-unit"}, &out, &errOut); code != exitError || out.Len() > 0 {
		t.Errorf("a unit for no project: %d, %s", code, out.String())
	}
	hcl := "host \"a\" { local = true }\nhost \"b\" { ssh = \"root@b.invalid\" }\npair \"p\" {\n  members = [host.a, host.b]\n  initial_primary = host.b\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "hikae.hcl"), []byte(hcl), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	errOut.Reset()
	if code := run(t.Context(), []string{"-C", dir, "watch", "--print-unit"}, &out, &errOut); code != exitOK {
		t.Fatalf("%d: %s", code, errOut.String())
	}
	if want := ` -C "` + dir + `" watch` + "\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %s in\n%s", want, out.String())
	}
	if strings.Contains(out.String(), "@") {
		t.Errorf("something is left to fill in:\n%s", out.String())
	}
	section := ""
	for _, l := range strings.Split(out.String(), "\n") {
		switch {
		case l == "" || l[0] == '#':
		case l[0] == '[':
			section = l
		case section == "" || !strings.Contains(l, "="):
			t.Errorf("not of a unit: %q", l)
		}
	}
}

// A line to the journal has its priority, and no more lines than one.
func TestJournalHandler(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(newJournalHandler(&b)).With("host", "standby")
	log.Error("held back", "error", "line\nline")
	log.Warn("away", "again_in", time.Second)
	log.Info("applied")
	want := `<3>msg="held back" host=standby error="line\nline"
<4>msg=away host=standby again_in=1s
<6>msg=applied host=standby
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestToJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, stream := range []string{"", "1:2", "x"} {
		t.Setenv("JOURNAL_STREAM", stream)
		if toJournal(f) {
			t.Errorf("JOURNAL_STREAM=%s: it is no journal's", stream)
		}
	}
}
