package rpmdb_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hikae/hosts/rpmdb"
)

// rpmFormat makes rpm print a package as describe does: lines end in a tab and a $, since names may hold newlines, and
// packages are parted by form feeds.
const rpmFormat = `\f%{DBINSTANCE}\t%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{NEVRA}\t%{VENDOR}\t%{SUMMARY}\t%{SOURCERPM}\t` +
	`%{MODULARITYLABEL}\t%{INSTALLTIME}\t%{BUILDTIME}\t%{LONGSIZE}\t` +
	`%|RSAHEADER?{%{RSAHEADER:pgpsig}}:{%|DSAHEADER?{%{DSAHEADER:pgpsig}}:{%|SIGPGP?{%{SIGPGP:pgpsig}}:{%|SIGGPG?{%{SIGGPG:pgpsig}}|}|}|}|\t$\n` +
	`[F\t%{FILENAMES:shescape}\t%{FILEMODES}\t%{LONGFILESIZES}\t%{FILEMTIMES}\t%{FILEDIGESTS}\t%{FILELINKTOS:shescape}\t%{FILEUSERNAME}\t` +
	`%{FILEGROUPNAME}\t%{FILECAPS}\t%{FILEFLAGS:hex}\t%{FILEVERIFYFLAGS:hex}\t%{FILESTATES:hex}\t$\n]` +
	`[R\t%{REQUIRENAME}\t%{REQUIREFLAGS:hex}\t%{REQUIREVERSION}\t$\n]` +
	`[P\t%{PROVIDENAME}\t%{PROVIDEFLAGS:hex}\t%{PROVIDEVERSION}\t$\n]` +
	`[C\t%{CONFLICTNAME}\t%{CONFLICTFLAGS:hex}\t%{CONFLICTVERSION}\t$\n]` +
	`[O\t%{OBSOLETENAME}\t%{OBSOLETEFLAGS:hex}\t%{OBSOLETEVERSION}\t$\n]` +
	`[M\t%{RECOMMENDNAME}\t%{RECOMMENDFLAGS:hex}\t%{RECOMMENDVERSION}\t$\n]`

// describe prints a package as rpm does with rpmFormat.
func describe(t testing.TB, p *rpmdb.Package) string {
	t.Helper()
	var b strings.Builder
	line := func(fields ...any) {
		for _, f := range fields {
			fmt.Fprint(&b, f, "\t")
		}
		b.WriteString("$\n")
	}
	epoch := ""
	if p.HasEpoch {
		epoch = fmt.Sprint(p.Epoch)
	}
	line(p.Num, p.Name, epoch, p.Version, p.Release, p.Arch, p.NEVRA(), p.Vendor, p.Summary, p.SourceRPM, p.ModularityLabel,
		p.InstallTime, p.BuildTime, p.Size, p.SigKeyID)
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		state := fmt.Sprintf("%x", f.State)
		if f.State == rpmdb.StateMissing {
			state = ""
		}
		line("F", shescape(f.Path), f.Mode, f.Size, f.MTime, hex.EncodeToString(f.Digest), shescape(f.LinkTo), f.User, f.Group, f.Caps,
			fmt.Sprintf("%x", f.Flags), fmt.Sprintf("%x", f.Verify), state)
	}
	for _, kind := range []struct {
		mark string
		rpmdb.DepKind
	}{{"R", rpmdb.Requires}, {"P", rpmdb.Provides}, {"C", rpmdb.Conflicts}, {"O", rpmdb.Obsoletes}, {"M", rpmdb.Recommends}} {
		deps, err := p.Deps(kind.DepKind)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range deps {
			line(kind.mark, d.Name, fmt.Sprintf("%x", d.Flags), d.Version)
		}
	}
	return none(b.String())
}

func shescape(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// none empties the fields for which rpm says that there is nothing.
func none(s string) string {
	for range 2 { // twice, since neighbouring fields share a tab
		s = strings.ReplaceAll(s, "\t(none)\t", "\t\t")
	}
	return s
}

// rpmArgs are for reading the database in dir. Signatures of a test's invented packages are not asked about.
func rpmArgs(kind rpmdb.Kind, dir string, args ...string) []string {
	backend := "sqlite"
	if kind == rpmdb.BerkeleyDB {
		backend = "bdb_ro"
	}
	return append([]string{"--dbpath", dir, "--define", "_db_backend " + backend, "--nosignature", "--nodigest"}, args...)
}

// likeRPM compares all that is read from the database in dir with what rpm says of it.
func likeRPM(t *testing.T, kind rpmdb.Kind, dir string) {
	t.Helper()
	var ours []string
	for _, p := range load(t, dir) {
		ours = append(ours, describe(t, p))
	}
	out := command(t, "rpm", rpmArgs(kind, dir, "-qa", "--qf", rpmFormat)...)
	var theirs []string
	for _, p := range strings.Split(out, "\f")[1:] {
		theirs = append(theirs, onlyKeyID(none(p)))
	}
	sameTexts(t, ours, theirs)
}

// onlyKeyID shortens the signature in a package's first line to its key id.
func onlyKeyID(p string) string {
	line, rest, _ := strings.Cut(p, "\t$\n")
	before, id, ok := strings.Cut(line, ", Key ID ")
	if !ok {
		return p
	}
	return before[:strings.LastIndexByte(before, '\t')+1] + id + "\t$\n" + rest
}

func sameTexts(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d packages read, rpm has %d", len(got), len(want))
	}
	slices.Sort(got)
	slices.Sort(want)
	bad := 0
	for i := range min(len(got), len(want)) {
		if got[i] == want[i] {
			continue
		}
		g, w := strings.Split(got[i], "$\n"), strings.Split(want[i], "$\n")
		for j := range min(len(g), len(w)) {
			if g[j] != w[j] {
				t.Errorf("%.60q line %d:\n got %q\nwant %q", g[0], j, g[j], w[j])
				break
			}
		}
		if len(g) != len(w) {
			t.Errorf("%.60q: %d lines, rpm has %d", g[0], len(g), len(w))
		}
		if bad++; bad == 5 {
			t.FailNow()
		}
	}
}
