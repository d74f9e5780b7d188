package selinux

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

func moduleOf(t testing.TB, kind string) *kind {
	t.Helper()
	for _, k := range kinds() {
		if k.schema.Kind == kind {
			return k
		}
	}
	t.Fatal(kind)
	return nil
}

func TestConformance(t *testing.T) {
	for kind, c := range map[string]struct {
		source, target map[string]string
		gone           []string
	}{
		BooleanKind: {
			source: map[string]string{booleansFile: header + "a_on=1\nb_off=0\nc=1\n"},
			target: map[string]string{booleansFile: header + "b_off=1\ngone=1\nown=0\nc=1\n"},
			gone:   []string{"gone"},
		},
		PortKind: {
			source: map[string]string{portsFile: header + "portcon tcp 80 system_u:object_r:mine_port_t:s0\nportcon udp 9000 - 9010 system_u:object_r:mine_port_t:s0:c1\nportcon tcp 81 system_u:object_r:mine_port_t:s0\n"},
			target: map[string]string{portsFile: header + "portcon tcp 81 system_u:object_r:http_port_t:s0\nportcon sctp 5 system_u:object_r:http_port_t:s0\n"},
			gone:   []string{"sctp/5"},
		},
		FcontextKind: {
			source: map[string]string{fcontextsFile: header + "/srv(/.*)?    system_u:object_r:web_t:s0\n/opt/x -d system_u:object_r:web_t:s0\n/opt/x -- staff_u:object_r:web_t:s0:c2\n/var/no\\.thing <<none>>\n/a -l system_u:object_r:web_t:s0\n"},
			target: map[string]string{fcontextsFile: header + "/a -l system_u:object_r:other_t:s0\n/gone system_u:object_r:other_t:s0\n/own system_u:object_r:other_t:s0\n"},
			gone:   []string{"/gone"},
		},
		ModuleKind: {
			source: map[string]string{
				"modules/400/web/cil": webCIL, "modules/300/bin/hll": compiled("bin"), "modules/300/bin/cil": "(made of it)",
				"modules/400/changed/cil": "(new)", "modules/400/off/cil": "(off)",
				"modules/disabled/off": "", "modules/disabled/zebra": "",
			},
			target: map[string]string{
				"modules/400/bin/hll": compiled("bin"), "modules/400/changed/cil": "(old)", "modules/400/gone/cil": "(gone)",
				"modules/400/own/cil": "(own)", "modules/disabled/web": "",
			},
			gone: []string{"gone"},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			var base []engine.Addr
			for _, name := range c.gone {
				base = append(base, engine.Addr{Kind: kind, Name: name})
			}
			moduletest.Run(t, moduletest.Case{
				Module: moduleOf(t, kind),
				Source: func(tb testing.TB) *hosttest.Host { return newHost(tb, c.source) },
				Target: func(tb testing.TB) *hosttest.Host { return newHost(tb, c.target) },
				Base:   base,
			})
		})
	}
}

// read gives what a host has of a kind, by name, and the notes.
func read(t testing.TB, h hosts.Reader, kind string) (map[string]cty.Value, engine.Coverage) {
	t.Helper()
	got := map[string]cty.Value{}
	cov, err := moduleOf(t, kind).Read(context.Background(), h, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r.Value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, cov
}

// What packages bring is not the host's.
func TestPackagesModules(t *testing.T) {
	h := newHost(t, map[string]string{
		"modules/200/container/cil": "(c)", "modules/400/legacy/cil": "(l)", "modules/400/mine/cil": "(m)",
		"modules/200/deep/cil": "(d)", "modules/1000000000000000000000/x/cil": "(x)", "modules/0400/y/cil": "(y)",
	})
	h.Write("/usr/share/selinux/packages/container.pp.bz2", "")
	h.Write("/usr/share/selinux/packages/deep/deep.pp", "")
	h.Write("/usr/share/selinux/targeted/legacy.cil", "")
	got, cov := read(t, h, ModuleKind)
	if len(got) != 1 || got["mine"] == cty.NilVal || !cov.Whole {
		t.Errorf("read %v, %+v", got, cov)
	}
}

// A store that is not as libsemanage writes it is noted, line by line, and then
// nothing counts as gone.
func TestOddLines(t *testing.T) {
	h := newHost(t, map[string]string{
		booleansFile:  "good=1\nno value\nbad name=1\nx;y=1\nz=2\n",
		portsFile:     "portcon tcp 0 system_u:object_r:a_t:s0\nportcon tcp 70000 system_u:object_r:a_t:s0\nportcon tcp 9 - 8 system_u:object_r:a_t:s0\nportcon icmp 1 system_u:object_r:a_t:s0\nportcon tcp 1 nonsense\nportcon tcp 22 system_u:object_r:a_t:s0\n",
		fcontextsFile: "/only\n/a -x system_u:object_r:a_t:s0\n/b' system_u:object_r:a_t:s0\n-d system_u:object_r:a_t:s0\n/c system_u:system_r:a_t:s0\n/ok system_u:object_r:a_t\n",
	})
	for kind, want := range map[string]struct {
		names []string
		notes int
	}{
		BooleanKind: {[]string{"good"}, 4}, PortKind: {[]string{"tcp/22"}, 5}, FcontextKind: {[]string{"/ok"}, 5},
	} {
		got, cov := read(t, h, kind)
		if len(got) != 1 || got[want.names[0]] == cty.NilVal || len(cov.Notes) != want.notes || cov.Whole {
			t.Errorf("%s: read %v, notes %q, whole %v", kind, got, cov.Notes, cov.Whole)
		}
	}
}

func TestNoPolicy(t *testing.T) {
	h := hosttest.New(t)
	h.Write(active+"/"+booleansFile, "a=1\n")
	for _, k := range kinds() {
		if got, cov := read(t, h, k.schema.Kind); len(got) != 0 || cov.Whole {
			t.Errorf("%s: read %v, %+v", k.schema.Kind, got, cov)
		}
	}
	err := moduleOf(t, BooleanKind).Apply(context.Background(), h, engine.Job{Changes: []engine.Change{boolean("a", true)}})
	if !errors.Is(err, engine.ErrRefused) {
		t.Errorf("applied without a policy: %v", err)
	}
}

func change(kind, name string, attrs map[string]cty.Value) engine.Change {
	a := engine.Addr{Kind: kind, Name: name}
	return engine.Change{Addr: a, Action: engine.Create, After: &engine.Resource{Addr: a, Value: cty.ObjectVal(attrs)}}
}

func boolean(name string, v bool) engine.Change {
	return change(BooleanKind, name, map[string]cty.Value{attrValue: cty.BoolVal(v)})
}

func typed(kind, name, typ string) engine.Change {
	return change(kind, name, map[string]cty.Value{attrType: cty.StringVal(typ), attrLevel: cty.NullVal(cty.String), attrUser: cty.NullVal(cty.String)})
}

func source(name, text string) engine.Change {
	c := change(ModuleKind, name, map[string]cty.Value{
		attrPriority: cty.NullVal(cty.Number), attrEnabled: cty.True, attrSHA256: cty.StringVal("x"), attrSource: cty.NullVal(cty.String),
	})
	c.After.Node = &hosts.Node{Type: hosts.File, Content: hosts.Content{Size: int64(len(text)), ID: hosts.ID{1}}}
	return c
}

func apply(h hosts.Host, text string, cs ...engine.Change) error {
	return booleanKind().Apply(context.Background(), h, engine.Job{
		Changes: cs, Done: func(engine.Addr) {},
		Open: func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	})
}

// Changes of all kinds are one run; or two, modules first, where the rest names
// what only they bring.
func TestOneImport(t *testing.T) {
	const (
		modules = "import: module -a /var/lib/hikae/selinux/web.cil -P 400\n"
		rest    = "boolean -m -0 a\nboolean -m -1 b\nfcontext -a -f a -t web_t '/x'\n"
	)
	for unknown, want := range map[string][]string{
		"":        {modules + rest},
		"web_t '": {modules + rest, modules, "import: " + rest},
	} {
		h := newHost(t, nil)
		h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
			text := string(c.Stdin)
			if _, err := h.Stat(active + "/modules/400/web"); err != nil && unknown != "" && strings.Contains(text, unknown) {
				return hosts.Result{Code: 1, Stderr: []byte("ValueError: Type web_t is invalid, must be a file or device type")}, nil
			}
			s := fakeStore{t, h, map[string]map[string]string{}}
			return s.imports(text), nil
		})
		err := apply(h, webCIL, boolean("b", true), boolean("a", false), typed(FcontextKind, "/x", "web_t"), source("web", webCIL))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range h.Runs() {
			got = append(got, strings.Join(c.Argv[1:], " ")+": "+string(c.Stdin))
		}
		if !slices.Equal(got, want) {
			t.Errorf("ran %q", got)
		}
		if left, err := h.ReadDir(stagingDir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// Names, types and modules come from a snapshot: none of them may become
// another command, an option or a path.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		engine.Change
	}{
		"boolean":                   {"", boolean("a\nboolean -D", true)},
		"option":                    {"", boolean("-D", true)},
		"no value":                  {"", change(BooleanKind, "a", map[string]cty.Value{attrValue: cty.NullVal(cty.Bool)})},
		"port":                      {"", typed(PortKind, "tcp/80 x", "a_t")},
		"port with zeros":           {"", typed(PortKind, "tcp/080", "a_t")},
		"port type":                 {"", typed(PortKind, "tcp/80", "a_t\nx")},
		"no type":                   {"", typed(PortKind, "tcp/80", "")},
		"line end":                  {"", typed(FcontextKind, "/a\nboolean -D", "a_t")},
		"no-break space":            {"", typed(FcontextKind, "/a\u00a0b", "a_t")},
		"quote":                     {"", typed(FcontextKind, "/a'", "a_t")},
		"mark":                      {"", typed(FcontextKind, "/a -D", "a_t")},
		"fcontext type":             {"", typed(FcontextKind, "/a", "a_t -s x")},
		"module path":               {webCIL, source("../x", webCIL)},
		"hidden module":             {webCIL, source(".x", webCIL)},
		"another's name":            {compiled("other"), source("web", compiled("other"))},
		"torn package":              {compiled("web")[:60], source("web", compiled("web")[:60])},
		"compressed":                {"BZh9", source("web", "BZh9")},
		"a type enforcement source": {"module web 1.0;", source("web", "module web 1.0;")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, nil)
			if err := apply(h, c.text, c.Change); !errors.Is(err, engine.ErrRefused) {
				t.Errorf("not refused: %v", err)
			}
			if runs := h.Runs(); len(runs) > 0 {
				t.Errorf("ran %v", runs)
			}
		})
	}
}

// What semanage does not take is told in its words; and what to install where it
// is missing.
func TestSemanageFails(t *testing.T) {
	h := newHost(t, nil)
	h.OnRun(func(context.Context, hosts.Cmd) (hosts.Result, error) {
		return hosts.Result{Code: 1, Stderr: []byte("ValueError: Boolean a is not defined")}, nil
	})
	if err := apply(h, "", boolean("a", true)); err == nil || !strings.Contains(err.Error(), "Boolean a is not defined") {
		t.Errorf("got %v", err)
	}
	if err := h.Remove(context.Background(), semanageProgram); err != nil {
		t.Fatal(err)
	}
	if err := apply(h, "", boolean("a", true)); err == nil || !strings.Contains(err.Error(), "policycoreutils-python-utils") {
		t.Errorf("got %v", err)
	}
}

func FuzzPackageName(f *testing.F) {
	f.Add([]byte(compiled("web")))
	f.Add([]byte(compiled("web")[:40]))
	f.Fuzz(func(t *testing.T, data []byte) {
		if name, err := packageName(data); err == nil && len(name) > maxWord {
			t.Errorf("a name of %d bytes", len(name))
		}
	})
}

// Whatever a name is read as, it is written as it was.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"tcp/80", "udp/9000-9010", "/srv(/.*)? -d", "/a", "tcp/1-1", "/a  -d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := parsePort(s); err == nil && p.String() != s {
			t.Errorf("port %q is %q", s, p)
		}
		expr, mark, err := parseFcontext(s)
		if err != nil {
			return
		}
		if s != expr && s != expr+" "+mark {
			t.Errorf("fcontext %q is %q, %q", s, expr, mark)
		}
		if len(strings.Fields(expr)) != 1 || strings.ContainsAny(expr, "'\"\n") {
			t.Errorf("semanage would take %q for something else", expr)
		}
	})
}
