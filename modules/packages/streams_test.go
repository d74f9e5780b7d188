package packages

import (
	"fmt"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/rpmtest"
)

// moduleYAML is the metadata of a module's stream with one package and the
// profile common.
func moduleYAML(name, stream, nevra string) string {
	return fmt.Sprintf(`---
document: modulemd
version: 2
data:
  name: %s
  stream: %q
  version: 1
  context: c0ffee42
  arch: x86_64
  summary: For a test
  description: For a test
  license: {module: [MIT]}
  profiles:
    common: {rpms: [%s]}
  artifacts:
    rpms: [%s]
...
`, name, stream, name, nevra)
}

// newModularHost is a host whose repository has the module php with the streams
// 7.2 and 7.4, and the module perl.
func newModularHost(t *testing.T) (*rpmtest.Host, Streams) {
	t.Helper()
	label := "ModularityLabel: php:7.2:1:c0ffee42"
	h, m, repo := newHost(t,
		rpmtest.Spec{Name: "php", EVR: "7.2-1.module_el8", Arch: "x86_64", More: label},
		rpmtest.Spec{Name: "php", EVR: "7.4-1.module_el8", Arch: "x86_64", More: strings.ReplaceAll(label, "7.2", "7.4")},
		rpmtest.Spec{Name: "perl", EVR: "5-1.module_el8", Arch: "x86_64", More: "ModularityLabel: perl:5:1:c0ffee42"})
	rpmtest.Modules(t, repo, moduleYAML("php", "7.2", "php-0:7.2-1.module_el8.x86_64")+
		moduleYAML("php", "7.4", "php-0:7.4-1.module_el8.x86_64")+moduleYAML("perl", "5", "perl-0:5-1.module_el8.x86_64"))
	h.Write(t, "/etc/os-release", "ID=rocky\nVERSION_ID=8.10\nPLATFORM_ID=\"platform:el8\"\n")
	return h, Streams{m}
}

func chosen(name, text string, profiles ...string) engine.Change {
	s := stream{name: name, stream: text, disabled: text == "", profiles: profiles}
	return engine.Change{Addr: engine.Addr{Kind: StreamKind, Name: name}, Action: engine.Create, After: &engine.Resource{Value: s.object()}}
}

func setStreams(t *testing.T, m Streams, h hosts.Host, said func(string), changes ...engine.Change) error {
	t.Helper()
	done := 0
	err := m.Apply(t.Context(), h, engine.Job{Changes: changes, Done: func(engine.Addr) { done++ }, Progress: said})
	if err == nil && done != len(changes) {
		t.Errorf("%d of %d are done", done, len(changes))
	}
	return err
}

// streams is what is chosen, as "perl:5 php:7.4/common -redis".
func streams(t *testing.T, m Streams, h hosts.Reader) string {
	t.Helper()
	var all []string
	cov, err := m.Read(t.Context(), h, engine.Scope{}, func(r engine.Resource) error {
		v := r.Value
		text := "-" + r.Addr.Name
		if s := v.GetAttr("stream"); !s.IsNull() {
			text = r.Addr.Name + ":" + s.AsString()
		}
		for _, p := range v.GetAttr("profiles").AsValueSlice() {
			text += "/" + p.AsString()
		}
		all = append(all, text)
		return nil
	})
	if err != nil || !cov.Whole {
		t.Errorf("read: %v, %+v", err, cov)
	}
	return strings.Join(all, " ")
}

// TestStreams refuses what cannot be, sets, switches, disables and forgets; the
// packages' versions follow, and a second apply starts nothing.
func TestStreams(t *testing.T) {
	h, m := newModularHost(t)
	ran := false
	apply := func(changes ...engine.Change) error {
		t.Helper()
		ran = false
		return setStreams(t, m, h, func(string) { ran = true }, changes...)
	}
	expect := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := streams(t, m, h); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for wantErr, changes := range map[string][]engine.Change{
		"no repository of this host has php:9": {chosen("php", "9"), chosen("perl", "5")},
		`"7.4/x" is not the name of a module`:  {chosen("php", "7.4/x")},
		`"--x" is not the name of a module`:    {chosen("--x", "1")},
		`"../x" is not the name of a module`:   {chosen("../x", "1")},
		"it has neither a stream nor disabled": {{Addr: engine.Addr{Kind: StreamKind, Name: "php"}, Action: engine.Create, After: &engine.Resource{Value: stream{}.object()}}},
	} {
		if err := apply(changes...); err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("got %v, want %s", err, wantErr)
		}
		expect("", nil)
	}
	if err := apply(chosen("php", "7.4", "nothing")); err == nil || !strings.Contains(err.Error(), "no repository of this host has php:7.4/nothing") {
		t.Errorf("a profile that is not there: %v", err)
	}
	h.Write(t, "/etc/dnf/modules.d/gone.module", "[gone]\nname=gone\nstream=1\nprofiles=\nstate=enabled\n")
	expect("gone:1", nil)
	gone := engine.Change{Addr: engine.Addr{Kind: StreamKind, Name: "gone"}, Action: engine.Delete}
	expect("perl:5 php:7.2/common", apply(gone, chosen("php", "7.2", "common"), chosen("perl", "5")))
	mustApply(t, m.Module, h, []engine.Resource{want("php", "", true)})
	expect("-perl php:7.4", apply(chosen("php", "7.4"), chosen("perl", "")))
	mustApply(t, m.Module, h, []engine.Resource{want("php", "7.4-1.module_el8.x86_64", true)})
	if got := state(t, m.Module, h); !strings.Contains(got, "php 7.4-1") {
		t.Errorf("installed: %s", got)
	}
	if expect("-perl php:7.4", apply(chosen("php", "7.4"), chosen("perl", ""))); ran {
		t.Error("dnf is run though all is as it should be")
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("[php]\nname=php\nstream=7.2\nprofiles=common, devel\nstate=enabled\n"))
	f.Add([]byte("[php]\nstate=disabled"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseStream("php", b)
		if err == nil && s.disabled && s.stream != "" {
			t.Errorf("%+v", s)
		}
	})
}
