package packages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/rpmtest"
)

// newHost is an empty host with a repository "base" that has lib 1.0 and 2.0,
// app 1.0 and 1:1.1 that need lib, tool, and more. It returns the repository's
// directory too.
func newHost(t *testing.T, more ...rpmtest.Spec) (h *rpmtest.Host, m *Module, repo string) {
	t.Helper()
	h = rpmtest.NewHost(t)
	repo = h.Root + "/srv/base"
	rpmtest.Build(t, repo, append([]rpmtest.Spec{
		{Name: "lib", EVR: "1.0-1.el8", Arch: "noarch"},
		{Name: "lib", EVR: "2.0-1.el8", Arch: "noarch"},
		{Name: "app", EVR: "1.0-1.el8", Arch: "x86_64", More: "Requires: lib"},
		{Name: "app", EVR: "1:1.1-1.el8", Arch: "x86_64", More: "Requires: lib"},
		{Name: "tool", EVR: "3-1", Arch: "noarch"},
	}, more...))
	rpmtest.CreateRepo(t, repo)
	h.Repo(t, "base", repo, "gpgcheck=0")
	m = New()
	m.installRoot = h.Root
	m.lockWait = 0
	return h, m, repo
}

// want is a package as it should be: label, version ("" for any), asked.
func want(label, version string, asked bool) engine.Resource {
	v := value{asked: cty.BoolVal(asked)}
	attrs := v.object().AsValueMap()
	attrs[AttrVersion] = cty.NullVal(cty.String)
	if version != "" {
		attrs[AttrVersion] = cty.StringVal(version)
	}
	return engine.Resource{Addr: engine.Addr{Kind: Kind, Name: label}, Value: cty.ObjectVal(attrs)}
}

func read(t *testing.T, m *Module, h hosts.Reader) (map[string]engine.Resource, engine.Coverage) {
	t.Helper()
	got := map[string]engine.Resource{}
	cov, err := m.Read(t.Context(), h, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, cov
}

// state is what is installed, a line a package: "app 1.0-1.el8.x86_64 asked base".
func state(t *testing.T, m *Module, h hosts.Reader) string {
	t.Helper()
	got, _ := read(t, m, h)
	var lines []string
	for _, l := range sortedKeys(got) {
		v := got[l].Value
		line := l + " " + v.GetAttr(AttrVersion).AsString()
		if v.GetAttr(AttrAsked).True() {
			line += " asked"
		}
		if r := v.GetAttr(AttrRepo); !r.IsNull() {
			line += " " + r.AsString()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func expect(t *testing.T, m *Module, h hosts.Reader, lines ...string) {
	t.Helper()
	if got := state(t, m, h); got != strings.Join(lines, "\n") {
		t.Errorf("installed:\n%s\nwant:\n%s", got, strings.Join(lines, "\n"))
	}
}

// apply applies wishes against what is read; a label alone is to be removed.
func apply(t *testing.T, m *Module, h hosts.Host, files map[hosts.ID][]byte, after []engine.Resource, remove ...string) (done, said []string, err error) {
	t.Helper()
	have, _ := read(t, m, h)
	var job engine.Job
	for _, a := range after {
		c := engine.Change{Addr: a.Addr, Action: engine.Create, After: &a}
		if b, ok := have[a.Addr.Name]; ok {
			c.Action, c.Before = engine.Update, &b
		}
		job.Changes = append(job.Changes, c)
	}
	for _, l := range remove {
		b := have[l]
		job.Changes = append(job.Changes, engine.Change{Addr: engine.Addr{Kind: Kind, Name: l}, Action: engine.Delete, Before: &b})
	}
	job.Open = func(c hosts.Content) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[c.ID])), nil
	}
	job.Done = func(a engine.Addr) { done = append(done, a.Name) }
	job.HeldBack = func(a engine.Addr, why string) { said = append(said, "held back: "+a.Name+": "+why) }
	job.Progress = func(s string) { said = append(said, s) }
	err = m.Apply(t.Context(), h, job)
	return done, said, err
}

func mustApply(t *testing.T, m *Module, h hosts.Host, after []engine.Resource, remove ...string) []string {
	t.Helper()
	done, said, err := apply(t, m, h, nil, after, remove...)
	if err != nil {
		t.Fatal(err)
	}
	if len(done) != len(after)+len(remove) {
		t.Errorf("done: %v", done)
	}
	return said
}

func TestInstallUpgradeDowngradeMarkRemove(t *testing.T) {
	h, m, _ := newHost(t)
	said := mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", true), want("lib", "1.0-1.el8.noarch", false)})
	expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "lib 1.0-1.el8.noarch base")
	if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "installing app-1.0-1.el8.x86_64 (") }) {
		t.Errorf("no progress of app: %q", said)
	}

	// One goes up, one comes, at once.
	mustApply(t, m, h, []engine.Resource{want("app", "1:1.1-1.el8.x86_64", true), want("lib", "2.0-1.el8.noarch", false), want("tool", "3-1.noarch", true)})
	expect(t, m, h, "app 1:1.1-1.el8.x86_64 asked base", "lib 2.0-1.el8.noarch base", "tool 3-1.noarch asked base")

	// Two go down, one goes away, one is marked: one transaction still.
	before := len(h.Ran)
	mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", false), want("lib", "1.0-1.el8.noarch", true)}, "tool")
	expect(t, m, h, "app 1.0-1.el8.x86_64 base", "lib 1.0-1.el8.noarch asked base")
	if n := len(h.Ran) - before; n != 3 { // rpm -qa, the driver, rpm -qa
		t.Errorf("%d programs were run: %v", n, h.Ran[before:])
	}

	// Marks alone.
	mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", true), want("lib", "1.0-1.el8.noarch", false)})
	expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "lib 1.0-1.el8.noarch base")

	// Nothing to do: no transaction.
	before = len(h.Ran)
	mustApply(t, m, h, []engine.Resource{want("app", "1.0-1.el8.x86_64", true)})
	if n := len(h.Ran) - before; n != 1 {
		t.Errorf("%d programs were run for nothing: %v", n, h.Ran[before:])
	}
}

func TestWhatIsNeededComesToo(t *testing.T) {
	h, m, _ := newHost(t)
	said := mustApply(t, m, h, []engine.Resource{want("app", "", true)})
	expect(t, m, h, "app 1:1.1-1.el8.x86_64 asked base", "lib 2.0-1.el8.noarch base")
	if !slices.Contains(said, "installing lib-2.0-1.el8.noarch too, which is needed") {
		t.Errorf("said %q", said)
	}
}

// held applies, wants no error, and returns what is held back, a line each.
func held(t *testing.T, m *Module, h hosts.Host, after []engine.Resource, remove ...string) string {
	t.Helper()
	done, said, err := apply(t, m, h, nil, after, remove...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range said {
		if why, ok := strings.CutPrefix(s, "held back: "); ok {
			lines = append(lines, why)
		}
	}
	if len(done)+len(lines) != len(after)+len(remove) {
		t.Errorf("done are %v, held back %q", done, lines)
	}
	return strings.Join(lines, "\n")
}

// What no repository has keeps nothing from the others.
func TestGoneVersion(t *testing.T) {
	h, m, repo := newHost(t)
	exact := want("app", "0.9-1.el8.x86_64", true)
	attrs := exact.Value.AsValueMap()
	attrs[AttrExact] = cty.True
	exact.Value = cty.ObjectVal(attrs)
	file := func(name string) string {
		return "; enable a repository that has it, or put its file in the project and name it in an overlay of this host: package \"" + name + "\" { source = \"FILE.rpm\" }"
	}
	for range 2 { // the second changes nothing, and says the same
		got := held(t, m, h, []engine.Resource{exact, want("gone", "1-1.noarch", true), want("lib", "1.0-1.el8.noarch", true), want("tool", "2-1.noarch", true)})
		if got != "app: no enabled repository of this host has app-0.9-1.el8.x86_64"+file("app")+"\n"+
			"gone: no enabled repository of this host has gone-1-1.noarch"+file("gone")+"\n"+
			"tool: no enabled repository of this host has tool-2-1.noarch (any more): tool-3-1.noarch is taken for it"+file("tool") {
			t.Errorf("held back: %s", got)
		}
		expect(t, m, h, "lib 1.0-1.el8.noarch asked base", "tool 3-1.noarch asked base")
	}
	held(t, m, h, []engine.Resource{want("tool", "2-1.noarch", false)})
	expect(t, m, h, "lib 1.0-1.el8.noarch asked base", "tool 3-1.noarch base")

	// A lock is an exclude that a plugin of dnf makes.
	h.Repo(t, "base", repo, "gpgcheck=0", "excludepkgs=app-1:1.1-1.el8.x86_64")
	if got := held(t, m, h, []engine.Resource{want("app", "1:1.1-1.el8.x86_64", true)}); !strings.HasPrefix(got, "app: a version lock or an exclude of this host keeps app-1:1.1-1.el8.x86_64 out") {
		t.Errorf("held back: %s", got)
	}
	expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "lib 1.0-1.el8.noarch asked base", "tool 3-1.noarch base")
}

// What others need, that are not to go, does not go; the rest does.
func TestWhatOthersNeedStays(t *testing.T) {
	h, m, _ := newHost(t, rpmtest.Spec{Name: "deep", EVR: "1-1", Arch: "noarch"},
		rpmtest.Spec{Name: "middle", EVR: "1-1", Arch: "noarch", More: "Requires: deep"},
		rpmtest.Spec{Name: "own", EVR: "1-1", Arch: "noarch", More: "Requires: middle"})
	all := []engine.Resource{want("app", "1.0-1.el8.x86_64", true), want("lib", "1.0-1.el8.noarch", false), want("own", "", true), want("middle", "", false), want("deep", "", false)}
	mustApply(t, m, h, all)
	for range 2 {
		got := held(t, m, h, []engine.Resource{want("tool", "3-1.noarch", true)}, "lib", "middle", "deep")
		if got != "lib: kept: app-1.0-1.el8.x86_64 needs it, which is not to go\n"+
			"middle: kept: own-1-1.noarch needs it, which is not to go\n"+
			"deep: kept: middle-1-1.noarch needs it, which is not to go" {
			t.Errorf("held back: %s", got)
		}
		expect(t, m, h, "app 1.0-1.el8.x86_64 asked base", "deep 1-1.noarch base", "lib 1.0-1.el8.noarch base", "middle 1-1.noarch base", "own 1-1.noarch asked base", "tool 3-1.noarch asked base")
	}
	// Together they may go.
	mustApply(t, m, h, nil, "lib", "app", "own", "middle", "deep", "tool")
	expect(t, m, h)
}

// What cannot be with what is there says why, and keeps nothing from the others.
func TestConflictSaysWhy(t *testing.T) {
	h, m, _ := newHost(t, rpmtest.Spec{Name: "foe", EVR: "1-1", Arch: "noarch", More: "Conflicts: tool"},
		rpmtest.Spec{Name: "broken", EVR: "1-1", Arch: "noarch", More: "Requires: nothing-has-it"})
	mustApply(t, m, h, []engine.Resource{want("tool", "3-1.noarch", true)})
	got := held(t, m, h, []engine.Resource{want("foe", "1-1.noarch", true), want("broken", "", true), want("lib", "1.0-1.el8.noarch", true)})
	for _, says := range []string{"foe: foe-1-1.noarch cannot be with what is there: problem with installed package tool", "\nbroken: broken cannot be with what is there: conflicting requests; nothing provides nothing-has-it"} {
		if !strings.Contains(got, says) {
			t.Errorf("held back: %s\nwant %q in it", got, says)
		}
	}
	expect(t, m, h, "lib 1.0-1.el8.noarch asked base", "tool 3-1.noarch asked base")
	mustApply(t, m, h, []engine.Resource{want("foe", "1-1.noarch", true)}, "tool")
	expect(t, m, h, "foe 1-1.noarch asked base", "lib 1.0-1.el8.noarch asked base")
}

func TestLocalFile(t *testing.T) {
	h, m, _ := newHost(t)
	dir := t.TempDir()
	rpmtest.Build(t, dir, []rpmtest.Spec{{Name: "house", EVR: "1.0-1", Arch: "noarch", More: "Requires: lib"}})
	rpm, err := os.ReadFile(filepath.Join(dir, "house-1.0-1.noarch.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	c := hosts.Content{Size: int64(len(rpm)), ID: sha256.Sum256(rpm)}
	files := map[hosts.ID][]byte{c.ID: rpm}
	house := want("house", "", true)
	house.Node = FromFile(c)
	done, _, err := apply(t, m, h, files, []engine.Resource{house, want("tool", "3-1.noarch", false)})
	if err != nil || len(done) != 2 {
		t.Fatalf("done %v, error %v", done, err)
	}
	// The space is its empty repository: it came from none.
	expect(t, m, h, "house 1.0-1.noarch asked ", "lib 2.0-1.el8.noarch base", "tool 3-1.noarch base")
	_, cov := read(t, m, h)
	if !slices.Equal(cov.Notes, []string{`house came from no repository: give its file with package "house" { source = "....rpm" }`}) {
		t.Errorf("notes %q", cov.Notes)
	}
	// A newer file, as another package goes.
	build := func(evr string) engine.Resource {
		rpmtest.Build(t, dir, []rpmtest.Spec{{Name: "house", EVR: evr, Arch: "noarch"}})
		rpm, err := os.ReadFile(filepath.Join(dir, "house-"+evr+".noarch.rpm"))
		if err != nil {
			t.Fatal(err)
		}
		c := hosts.Content{Size: int64(len(rpm)), ID: sha256.Sum256(rpm)}
		files[c.ID] = rpm
		r := want("house", "", true)
		r.Node = FromFile(c)
		return r
	}
	if done, _, err := apply(t, m, h, files, []engine.Resource{build("1.1-1")}, "tool"); err != nil || len(done) != 2 {
		t.Fatalf("done %v, error %v", done, err)
	}
	expect(t, m, h, "house 1.1-1.noarch asked ", "lib 2.0-1.el8.noarch base")
	// The older one again.
	if done, _, err := apply(t, m, h, files, []engine.Resource{house}); err != nil || len(done) != 1 {
		t.Fatalf("done %v, error %v", done, err)
	}
	expect(t, m, h, "house 1.0-1.noarch asked ", "lib 2.0-1.el8.noarch base")
	// Once more is nothing new.
	if done, _, err := apply(t, m, h, files, []engine.Resource{house}); err != nil || len(done) != 1 {
		t.Fatalf("done %v, error %v", done, err)
	}
	if left, _ := filepath.Glob(filepath.Join(h.Root, stateDir, "*.rpm")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// The file of another package.
	tool := want("lib", "", true)
	tool.Node = FromFile(c)
	if _, _, err := apply(t, m, h, files, []engine.Resource{tool}); !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), "holds house-1.0-1.noarch") {
		t.Errorf("error %v", err)
	}
}

func TestRefused(t *testing.T) {
	m := New()
	for name, c := range map[string]engine.Change{
		"the host's own": {Action: engine.Delete, Addr: engine.Addr{Kind: Kind, Name: "kernel-core"}},
		"an option":      {Action: engine.Delete, Addr: engine.Addr{Kind: Kind, Name: "--all"}},
		"a glob":         {Action: engine.Delete, Addr: engine.Addr{Kind: Kind, Name: "*"}},
		"a path":         {Action: engine.Delete, Addr: engine.Addr{Kind: Kind, Name: "/etc/passwd"}},
		"a key":          {Action: engine.Delete, Addr: engine.Addr{Kind: Kind, Name: "gpg-pubkey"}},
		"a bad version": {Action: engine.Create, Addr: engine.Addr{Kind: Kind, Name: "app"},
			After: &engine.Resource{Value: want("app", "1.0;reboot-1.x86_64", true).Value}},
	} {
		// A nil host: nothing may be asked of it.
		if err := m.Apply(t.Context(), nil, engine.Job{Changes: []engine.Change{c}}); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestInstalledTwiceIsRepaired(t *testing.T) {
	h, m, repo := newHost(t)
	for _, v := range []string{"1.0", "2.0"} {
		h.RPM(t, "-i", "--justdb", "--noscripts", "--nodeps", "--force", filepath.Join(repo, "lib-"+v+"-1.el8.noarch.rpm"))
	}
	_, cov := read(t, m, h)
	if len(cov.Notes) == 0 || !strings.HasPrefix(cov.Notes[0], "lib is installed 2 times (1.0-1.el8, 2.0-1.el8)") {
		t.Errorf("notes %q", cov.Notes)
	}
	mustApply(t, m, h, []engine.Resource{want("tool", "", true)})
	if got := h.RPM(t, "-q", "lib"); got != "lib-2.0-1.el8.noarch\n" {
		t.Errorf("rpm -q lib: %s", got)
	}
}

// What cannot be repaired is named, and nothing else is begun.
func TestInstalledTwiceIsAnError(t *testing.T) {
	h, m, repo := newHost(t, rpmtest.Spec{Name: "needs", EVR: "1-1", Arch: "noarch", More: "Requires: lib = 1.0"})
	for _, f := range []string{"lib-1.0-1.el8", "lib-2.0-1.el8", "needs-1-1"} {
		h.RPM(t, "-i", "--justdb", "--noscripts", "--nodeps", "--force", filepath.Join(repo, f+".noarch.rpm"))
	}
	_, _, err := apply(t, m, h, nil, []engine.Resource{want("tool", "", true)})
	if !errors.Is(err, ErrInconsistent) || !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), "lib-1.0-1.el8.noarch") {
		t.Errorf("error %v", err)
	}
	if got := h.RPM(t, "-qa", "tool"); got != "" {
		t.Errorf("rpm -qa tool: %s", got)
	}
}

// dnf is killed in the middle of a transaction: by a scriptlet, which rpm runs
// in its own process.
func TestKilledTransactionIsRepaired(t *testing.T) {
	const kill = "-p <lua>\nif posix.unlink('/srv/kill') == 0 then posix.kill(posix.getprocessid('pid'), 9) end\nio.open('/srv/ran', 'w'):close()"
	frail := func(evr, scripts string) rpmtest.Spec {
		return rpmtest.Spec{Name: "frail", EVR: evr, Arch: "noarch", Scripts: scripts}
	}
	for _, tt := range []struct{ name, when string }{{"before it is unpacked", "%pre "}, {"when it is unpacked", "%post "}} {
		t.Run(tt.name, func(t *testing.T) {
			h, m, _ := newHost(t, frail("1-1", ""), frail("2-1", tt.when+kill))
			mustApply(t, m, h, []engine.Resource{want("frail", "1-1.noarch", true), want("lib", "1.0-1.el8.noarch", false)})
			h.Write(t, "/srv/kill", "")
			newer := []engine.Resource{want("frail", "2-1.noarch", true), want("lib", "2.0-1.el8.noarch", false)}
			_, said, err := apply(t, m, h, nil, newer)
			if !errors.Is(err, errCutOff) {
				t.Fatalf("it was not cut off: %v", err)
			}
			t.Log(said)
			if twice := h.RPM(t, "-q", "frail"); strings.Count(twice, "\n") != 1 {
				t.Errorf("after the kill: %s", twice)
			}
			mustApply(t, m, h, newer)
			expect(t, m, h, "frail 2-1.noarch asked base", "lib 2.0-1.el8.noarch base")
			if _, err := h.Stat("/srv/ran"); err != nil {
				t.Errorf("its scriptlet did not run to its end: %v", err)
			}
			notes, err := m.Recover(t.Context(), h, func(string) {})
			if err != nil || len(notes) > 0 {
				t.Errorf("still to repair: %q, %v", notes, err)
			}
		})
	}
}

func TestLockHeldByAnother(t *testing.T) {
	h, m, _ := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	python, err := interpreter(h)
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(ctx, python, "-c", `
import sys, dnf.lock, os
os.makedirs(sys.argv[1], exist_ok=True)
with dnf.lock.build_rpmdb_lock(sys.argv[1], True):
    print("held", flush=True)
    sys.stdin.read()
`, filepath.Join(h.Root, "var/lib/dnf"))
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("held\n"))); err != nil {
		t.Fatal(err)
	}
	_, _, err = apply(t, m, h, nil, []engine.Resource{want("tool", "", true)})
	if err == nil || !strings.Contains(err.Error(), "another package manager runs") {
		t.Errorf("error %v", err)
	}
	stdin.Close()
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, h, []engine.Resource{want("tool", "", true)})
}

func TestFailingScriptletStopsTheTransaction(t *testing.T) {
	h, m, _ := newHost(t, rpmtest.Spec{Name: "bad", EVR: "1-1", Arch: "noarch", Scripts: "%pre -p <lua>\nerror('the disk is on fire')"})
	done, _, err := apply(t, m, h, nil, []engine.Resource{want("bad", "", true), want("tool", "", true)})
	if err == nil || !strings.Contains(err.Error(), "bad-1-1.noarch") {
		t.Errorf("done %v, error %v", done, err)
	}
	if got, _ := read(t, m, h); len(got) > 1 {
		t.Errorf("installed %v", sortedKeys(got))
	}
}

func TestUnsignedPackageIsRefused(t *testing.T) {
	h, m, repo := newHost(t)
	h.Repo(t, "base", repo, "gpgcheck=1")
	_, _, err := apply(t, m, h, nil, []engine.Resource{want("tool", "", true)})
	if !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), "tool-3-1.noarch.rpm is not signed") {
		t.Errorf("error %v", err)
	}
	expect(t, m, h)
}

// A version that is in a file, and perhaps in a repository: from there it is
// checked by the repository's rules.
func TestFileWhereNoRepositoryHasIt(t *testing.T) {
	h, m, repo := newHost(t)
	dir := t.TempDir()
	rpmtest.Build(t, dir, []rpmtest.Spec{{Name: "lib", EVR: "1.5-1", Arch: "noarch"}})
	files := map[hosts.ID][]byte{}
	with := func(r engine.Resource, file string) engine.Resource {
		rpm, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := hosts.Content{Size: int64(len(rpm)), ID: sha256.Sum256(rpm)}
		files[c.ID] = rpm
		r.Node = FromFile(c)
		return r
	}
	wanted := []engine.Resource{
		with(want("lib", "1.5-1.noarch", false), filepath.Join(dir, "lib-1.5-1.noarch.rpm")),
		with(want("tool", "3-1.noarch", true), filepath.Join(repo, "tool-3-1.noarch.rpm")),
	}
	for range 2 {
		if done, said, err := apply(t, m, h, files, wanted); err != nil || len(done) != 2 {
			t.Fatalf("done %v, said %q, error %v", done, said, err)
		}
		expect(t, m, h, "lib 1.5-1.noarch ", "tool 3-1.noarch asked base")
	}
	// A host that wants local files signed does not get one that is not; the rest it gets.
	h.Write(t, "/etc/dnf/dnf.conf", "[main]\nlocalpkg_gpgcheck=1\n")
	mustApply(t, m, h, nil, "lib", "tool")
	done, said, err := apply(t, m, h, files, wanted)
	if err != nil || !slices.Equal(done, []string{"tool"}) || !slices.ContainsFunc(said, func(s string) bool {
		return strings.HasPrefix(s, "held back: lib: lib-1.5-1.noarch: ") && strings.Contains(s, "not signed")
	}) {
		t.Errorf("done %v, said %q, error %v", done, said, err)
	}
	expect(t, m, h, "tool 3-1.noarch asked base")
}
