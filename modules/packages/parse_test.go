package packages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts/rpmdb"
	"hikae/modules/rpmtest"
)

func TestVersion(t *testing.T) {
	for s, want := range map[string]Version{
		"2.4.37-65.el8.x86_64": {rpmdb.EVR{Version: "2.4.37", Release: "65.el8"}, "x86_64"},
		"1:1.0~rc1-1.noarch":   {rpmdb.EVR{Epoch: 1, Version: "1.0~rc1", Release: "1"}, "noarch"},
		"0-0.3.20200101git1a2b3c.module+el8.9.0+1503+19f4b9b6.i686": {rpmdb.EVR{Version: "0", Release: "0.3.20200101git1a2b3c.module+el8.9.0+1503+19f4b9b6"}, "i686"},
	} {
		got, err := ParseVersion(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("%s: %+v (%s), error %v", s, got, got, err)
		}
	}
	for _, s := range []string{"", "1.0", "1.0-1", "1.0.x86_64", "1.0-1.sparc", "x:1.0-1.noarch", "-1.noarch", "1.0-1 .noarch", "1.0-1;.noarch", "1.0\n-1.noarch"} {
		if v, err := ParseVersion(s); err == nil {
			t.Errorf("%q is read as %+v", s, v)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, c := range []struct{ name, arch, label string }{
		{"httpd", "x86_64", "httpd"}, {"tzdata", "noarch", "tzdata"}, {"glibc", "i686", "glibc.i686"},
		{"python3.11", "x86_64", "python3.11"}, {"compat.lib", "i686", "compat.lib.i686"},
	} {
		if got := label(c.name, c.arch, "x86_64"); got != c.label {
			t.Errorf("%s of %s: %s, want %s", c.name, c.arch, got, c.label)
		}
		name, arch := splitLabel(c.label)
		if name != c.name || arch != "" && arch != c.arch {
			t.Errorf("%s: %s of %s", c.label, name, arch)
		}
	}
}

func TestEvents(t *testing.T) {
	events, n := parseEvents([]byte("{\"event\":\"progress\",\"text\":\"installing a\",\"at\":1,\"of\":2}\nnonsense\n{}\n[1]\n{\"event\":\"done\"}\n{\"event\":\"fai"))
	if n == 0 || len(events) != 2 || events[0].progress() != "installing a (1 of 2)" || events[1].Event != eventDone {
		t.Errorf("%d bytes, %+v", n, events)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("{\"event\":\"failed\",\"kind\":\"depsolve\",\"text\":\"Problem: x\\n  - y\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, n := parseEvents(b)
		if n > len(b) || n > 0 && b[n-1] != '\n' {
			t.Fatalf("%d bytes of %d read", n, len(b))
		}
		for _, e := range events {
			_ = e.progress()
			if text := meaningful(e.Text); strings.Contains(text, "\n") {
				t.Errorf("%q has several lines", text)
			}
		}
	})
}

func FuzzInstalled(f *testing.F) {
	f.Add([]byte("bash\t0\t5.1\t2\tx86_64\ngpg-pubkey\t0\ta\tb\t(none)\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseInstalled(b) })
}

// TestDriverHasNoDollar: systemd would replace what follows one in the
// arguments of a unit.
func TestDriverHasNoDollar(t *testing.T) {
	if strings.ContainsAny(driverSource, "$\x00") {
		t.Error("driver.py has a dollar sign or a zero byte in it")
	}
	if len(driverSource) > 64<<10 {
		t.Errorf("driver.py has %d bytes; an argument can have 128 KiB", len(driverSource))
	}
}

// TestAskedWithoutHistory: packages that rpm installed alone.
func TestAskedWithoutHistory(t *testing.T) {
	h := rpmtest.NewHost(t)
	dir := t.TempDir()
	rpmtest.Build(t, dir, []rpmtest.Spec{
		{Name: "top", EVR: "1-1", Arch: "noarch", More: "Requires: virtual >= 1, /etc/byfile/conf"},
		{Name: "byname", EVR: "1-1", Arch: "noarch", More: "Provides: virtual = 2"},
		{Name: "byfile", EVR: "1-1", Arch: "noarch", More: "Provides: itself\nRequires: itself"},
		{Name: "selfish", EVR: "1-1", Arch: "noarch", More: "Provides: me\nRequires: me"},
		{Name: "kernel-core", EVR: "4-1", Arch: "noarch"},
		{Name: "glibc", EVR: "2-1", Arch: "noarch"},
	})
	files, err := filepath.Glob(dir + "/*.rpm")
	if err != nil || len(files) != 6 {
		t.Fatalf("%v, %v", files, err)
	}
	h.RPM(t, append([]string{"-i", "--justdb", "--nodeps", "--noscripts"}, files...)...)
	if err := os.RemoveAll(h.Root + "/var/lib/dnf"); err != nil {
		t.Fatal(err)
	}
	m := New()
	expect(t, m, h, "byfile 1-1.noarch", "byname 1-1.noarch", "glibc 2-1.noarch asked", "selfish 1-1.noarch asked", "top 1-1.noarch asked")
	_, cov := read(t, m, h)
	if len(cov.Skipped) != 1 || !cov.Whole {
		t.Errorf("coverage %+v", cov)
	}
	if want := "dnf does not remember where 5 packages came from (installed with rpm?): byfile, byname, glibc, selfish, top"; !slices.Contains(cov.Notes, want) {
		t.Errorf("notes %q", cov.Notes)
	}

	// An unreadable history must not be taken for none: nothing is said of why.
	h.Write(t, historyPath, "damaged")
	got, cov := read(t, m, h)
	if !got["top"].Value.GetAttr(AttrAsked).IsNull() || len(cov.Holes) != 1 {
		t.Errorf("%#v, coverage %+v", got["top"].Value, cov)
	}
}

func TestReadWithoutRPM(t *testing.T) {
	m, h := New(), &rpmtest.Host{Root: t.TempDir()}
	got, cov := read(t, m, h)
	if len(got) > 0 || cov.Whole || len(cov.Notes) != 1 {
		t.Errorf("%v, coverage %+v", got, cov)
	}
}

func TestReadStops(t *testing.T) {
	h := rpmtest.NewHost(t)
	dir := t.TempDir()
	rpmtest.Build(t, dir, []rpmtest.Spec{{Name: "a", EVR: "1-1", Arch: "noarch"}, {Name: "b", EVR: "1-1", Arch: "noarch"}})
	h.RPM(t, "-i", "--justdb", dir+"/a-1-1.noarch.rpm", dir+"/b-1-1.noarch.rpm")
	n := 0
	_, err := New().Read(t.Context(), h, engine.Scope{}, func(engine.Resource) error { n++; return os.ErrClosed })
	if err == nil || n != 1 {
		t.Errorf("%d resources, error %v", n, err)
	}
}
