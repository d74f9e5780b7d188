package lang

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/hosts"
)

// fileTree lays out what EncodeSnapshot gave.
func fileTree(files map[string][]byte) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, b := range files {
		fsys[name] = &fstest.MapFile{Data: b, Mode: 0o644}
	}
	return fsys
}

func mustEncode(t testing.TB, s *engine.Snapshot) map[string][]byte {
	t.Helper()
	files, err := EncodeSnapshot(s, testSchemas())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func mustDecode(t interface {
	Helper()
	Fatalf(string, ...any)
}, files map[string][]byte) *engine.Snapshot {
	t.Helper()
	s, diags := DecodeSnapshot(fileTree(files), testSchemas())
	if diags.HasErrors() {
		var b bytes.Buffer
		_ = FormatDiagnostics(&b, diags, fileTree(files), false)
		t.Fatalf("cannot read back:\n%s", b.String())
	}
	return s
}

// sameSnapshot compares all that a snapshot keeps.
func sameSnapshot(a, b *engine.Snapshot) string {
	return cmp.Diff(a, b,
		cmp.Comparer(func(x, y cty.Value) bool {
			if x == cty.NilVal || y == cty.NilVal {
				return x == y
			}
			return x.RawEquals(y)
		}),
		cmp.Comparer(func(x, y time.Time) bool { return x.Equal(y) }),
		cmpopts.IgnoreFields(engine.Resource{}, "Range", "After"),
		cmpopts.EquateEmpty(),
	)
}

func TestSnapshotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genSnapshot(t)
		files, err := EncodeSnapshot(want, testSchemas())
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range files {
			if !strings.HasSuffix(name, ".hcl") {
				continue
			}
			if _, diags := Format(b); diags.HasErrors() {
				t.Fatalf("%s is not HCL: %v\n%s", name, diags, b)
			}
		}
		got := mustDecode(t, files)
		if diff := sameSnapshot(want, got); diff != "" {
			for i := range want.Resources {
				if w, g := want.Resources[i].Value, got.Resources[i].Value; w != cty.NilVal && !w.RawEquals(g) {
					t.Logf("value %#v\nread  %#v", w, g)
				}
			}
			t.Fatalf("read back differs:\n%s\n%s", diff, all(files))
		}
		again, err := EncodeSnapshot(got, testSchemas())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, again); diff != "" {
			t.Fatalf("written again differs:\n%s", diff)
		}
	})
}

func all(files map[string][]byte) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "-- %s --\n%s", name, files[name])
	}
	return b.String()
}

// TestSnapshotReadersAgree holds the literal reader to hclsyntax: what hikae
// writes means the same to any reader of HCL.
func TestSnapshotReadersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files, err := EncodeSnapshot(genSnapshot(t), testSchemas())
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range files {
			if strings.HasSuffix(name, ".hcl") {
				if err := readersAgree(name, b); err != nil {
					t.Fatalf("%v\n%s", err, b)
				}
			}
		}
	})
}

// readersAgree compares what the two readers make of a file. A file that the
// literal reader refuses says nothing.
func readersAgree(name string, src []byte) error {
	var blocks []litBlock
	if diags := parseLiterals(name, src, func(b litBlock) hcl.Diagnostics {
		blocks = append(blocks, b)
		return nil
	}); diags.HasErrors() {
		return nil
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return fmt.Errorf("hclsyntax refuses it: %w", diags)
	}
	return sameBlocks(blocks, file.Body.(*hclsyntax.Body).Blocks)
}

func sameBlocks(ours []litBlock, theirs hclsyntax.Blocks) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d blocks, hclsyntax reads %d", len(ours), len(theirs))
	}
	for i, b := range ours {
		other := theirs[i]
		if b.kind != other.Type || !slices.Equal(b.labels, other.Labels) {
			return fmt.Errorf("%s %q, hclsyntax reads %s %q", b.kind, b.labels, other.Type, other.Labels)
		}
		if len(b.attrs) != len(other.Body.Attributes) {
			return fmt.Errorf("%d attributes, hclsyntax reads %d", len(b.attrs), len(other.Body.Attributes))
		}
		for _, a := range b.attrs {
			v, diags := other.Body.Attributes[a.name].Expr.Value(nil)
			if diags.HasErrors() {
				return fmt.Errorf("hclsyntax refuses %s: %w", a.name, diags)
			}
			if err := sameValue(a.value, v); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
		}
		if err := sameBlocks(b.blocks, other.Body.Blocks); err != nil {
			return err
		}
	}
	return nil
}

func sameValue(l literal, v cty.Value) error {
	differ := fmt.Errorf("%+v, hclsyntax reads %s", l, v.Type().FriendlyName())
	switch l.kind {
	case litNull:
		if !v.IsNull() {
			return differ
		}
	case litBool:
		if v.Type() != cty.Bool || v.True() != l.yes {
			return differ
		}
	case litString:
		if v.Type() != cty.String || v.AsString() != cty.NormalizeString(l.text) {
			return differ
		}
	case litNumber:
		n, err := l.toNumber()
		if err != nil {
			return err
		}
		if v.Type() != cty.Number || !n.RawEquals(v) {
			return differ
		}
	case litList:
		if !v.Type().IsTupleType() || v.LengthInt() != len(l.items) {
			return differ
		}
		for i, e := range v.AsValueSlice() {
			if err := sameValue(l.items[i], e); err != nil {
				return err
			}
		}
	case litObject:
		if !v.Type().IsObjectType() {
			return differ
		}
		last := map[string]literal{}
		for i, k := range l.keys {
			last[cty.NormalizeString(k)] = l.items[i]
		}
		for k, item := range last {
			if !v.Type().HasAttribute(k) {
				return differ
			}
			if err := sameValue(item, v.GetAttr(k)); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainSnapshot has one of everything a person would look at.
func plainSnapshot() *engine.Snapshot {
	id := func(n byte) hosts.ID { return hosts.ID{n} }
	file := func(size int64, n byte) *hosts.Node {
		return &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: size, ID: id(n)}}
	}
	schemas := bySchemaKind(testSchemas())
	value := func(kind string, vals map[string]cty.Value) cty.Value {
		m := map[string]cty.Value{}
		for _, a := range schemas[kind].Attrs {
			m[a.Name] = defaultOf(a)
		}
		maps.Copy(m, vals)
		return cty.ObjectVal(m)
	}
	pkg := func(name, version string, asked bool) engine.Resource {
		return engine.Resource{Addr: engine.Addr{Kind: "package", Name: name}, Value: value("package", map[string]cty.Value{
			"version": cty.StringVal(version), "asked": cty.BoolVal(asked), "repo": cty.StringVal("baseos"),
		})}
	}
	edited := file(20, 2)
	edited.Mode, edited.Group = 0o640, "apache"
	sealed := file(30, 3)
	sealed.Mode, sealed.Content.Sealed = 0o600, true
	odd := &hosts.Node{Type: hosts.Link, Owner: "root", Group: "root", Link: "caf\xe9/%"}
	dir := &hosts.Node{
		Type: hosts.Dir, Mode: 0o2775, Owner: "alice", Group: "web", Label: "system_u:object_r:httpd_sys_content_t:s0",
		DefaultACL: "u::rwx,g::r-x,o::---", Xattrs: map[string]string{"user.a": "x\x00y", "user.b": "é"},
	}
	addr := func(path string) engine.Addr { return engine.Addr{Kind: "file", Name: path} }
	return &engine.Snapshot{
		Host:    "rio1",
		Taken:   time.Date(2026, 11, 23, 7, 0, 54, 0, time.UTC),
		Version: "0.1.0",
		Facts:   hosts.Facts{Hostname: "rio1.rio.st", ID: "rocky", VersionID: "8.10", Arch: "x86_64", Systemd: true, Booted: 1795417254},
		Resources: []engine.Resource{
			{Addr: addr("/etc/hosts.allow"), Node: file(10, 1)},
			{Addr: addr("/etc/httpd/conf/httpd.conf"), Node: edited, Package: "httpd", Pristine: file(19, 9)},
			{Addr: addr("/etc/httpd/conf/magic"), Node: file(5, 5), Package: "httpd", Pristine: file(5, 5)},
			{Addr: addr("/etc/httpd/conf.d/welcome.conf"), Node: &hosts.Node{}, Package: "httpd", Pristine: file(6, 6)},
			{Addr: addr("/etc/pki/tls/private/rio.key"), Node: sealed},
			{Addr: addr("/etc/caf\xe9 %1\n"), Node: odd},
			{Addr: addr("/srv/www"), Node: dir, Package: "filesystem"},
			pkg("bash", "4.4.20-5.el8.x86_64", false),
			pkg("httpd", "2.4.37-65.el8.x86_64", true),
			pkg("kernel-tools", "1:4.18.0-553.el8.x86_64", true),
			{Addr: engine.Addr{Kind: "service", Name: "httpd.service"}, Value: value("service", map[string]cty.Value{"enabled": cty.True, "running": cty.True})},
			{Addr: engine.Addr{Kind: "thing", In: "inner", Name: "key"}, Value: value("thing", map[string]cty.Value{
				"text": cty.StringVal("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n%{x} ${y}\n-----END PGP PUBLIC KEY BLOCK-----\n"),
				"list": cty.ListVal([]cty.Value{
					cty.StringVal(strings.Repeat("long-", 9)), cty.StringVal(strings.Repeat("list-", 9)), cty.StringVal("%{HTTP_HOST}"),
				}),
				"map": cty.MapVal(map[string]cty.Value{"a": cty.NumberIntVal(1), "b c": cty.NumberFloatVal(0.5)}),
			})},
			{Addr: engine.Addr{Kind: "user", Name: "alice"}, Value: value("user", map[string]cty.Value{
				"uid": cty.NumberIntVal(1000), "shell": cty.StringVal("/bin/bash"),
				"password": cty.StringVal(engine.SecretRef(hosts.Content{ID: id(7), Size: 106, Sealed: true})),
			})},
		},
		Coverage: map[string]engine.Coverage{
			"file": {
				Roots: []string{"/etc", "/srv"}, Skipped: map[string]int{"derived: ld.so.cache": 1},
				Holes: []engine.Hole{{Path: "/etc/odd\xff", Err: "input/output error"}},
				Notes: []string{"/etc/x.rpmnew lies about"},
			},
			"user": {Whole: true},
		},
	}
}

func TestSnapshotIsReadable(t *testing.T) {
	files := mustEncode(t, plainSnapshot())
	golden(t, "testdata/snapshot.golden", []byte(all(files)))
	for name, b := range files {
		if !strings.HasSuffix(name, ".hcl") {
			continue
		}
		if tidy, diags := Format(b); diags.HasErrors() || !bytes.Equal(tidy, b) {
			t.Errorf("hikae fmt would change %s:\n%s", name, cmp.Diff(string(b), string(tidy)))
		}
	}
}

func TestEncodeResource(t *testing.T) {
	s := plainSnapshot()
	schemas := bySchemaKind(testSchemas())
	var b bytes.Buffer
	for i := range s.Resources {
		r := &s.Resources[i]
		b.Write(EncodeResource(r, schemas[r.Addr.Kind]))
	}
	if strings.Contains(b.String(), hosts.ID{7}.String()) {
		t.Error("a secret's name is shown")
	}
	golden(t, "testdata/resources.golden", b.Bytes())
}

func TestTimeChangesTheHeaderOnly(t *testing.T) {
	a, b := plainSnapshot(), plainSnapshot()
	b.Taken = b.Taken.Add(time.Hour)
	b.Facts.Booted++
	b.Facts.SystemState = "degraded"
	slices.Reverse(b.Resources)
	fa, fb := mustEncode(t, a), mustEncode(t, b)
	for name := range fa {
		if same := bytes.Equal(fa[name], fb[name]); same == (name == headerFile) {
			t.Errorf("%s: same is %v", name, same)
		}
	}
}

// TestFactsAreAll fails when hosts.Facts has a field that a snapshot loses.
func TestFactsAreAll(t *testing.T) {
	full := plainSnapshot()
	full.Facts = hosts.Facts{
		Hostname: "a", ID: "b", VersionID: "c", Arch: "d", Kernel: "e", Systemd: true, Policy: "f",
		Booted: 1, SystemState: "g", DefaultUnit: "h", LoginAccount: "i\n%", Addresses: []string{"192.0.2.1/24"}, Interfaces: []string{"eth0"},
	}
	const less = -1 // LoginFiles is for the session alone
	if n := reflect.TypeFor[hosts.Facts]().NumField() + less; n != len(facts(&full.Facts)) {
		t.Fatalf("hosts.Facts has %d fields, a snapshot keeps %d", n, len(facts(&full.Facts)))
	}
	got := mustDecode(t, mustEncode(t, full))
	if !reflect.DeepEqual(got.Facts, full.Facts) {
		t.Errorf("got %+v, want %+v", got.Facts, full.Facts)
	}
}

func TestEncodeRefuses(t *testing.T) {
	node := func(change func(*hosts.Node)) *hosts.Node {
		n := blankNode(hosts.File)
		change(n)
		return n
	}
	file := func(path string, n *hosts.Node) engine.Resource {
		return engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: n}
	}
	user := func(vals map[string]cty.Value) engine.Resource {
		m := nullValues("user")
		maps.Copy(m, vals)
		return engine.Resource{Addr: engine.Addr{Kind: "user", Name: "u"}, Value: cty.ObjectVal(m)}
	}
	thing := func(n cty.Value) engine.Resource {
		m := nullValues("thing")
		m["number"] = n
		return engine.Resource{Addr: engine.Addr{Kind: "thing", Name: "t"}, Value: cty.ObjectVal(m)}
	}
	for name, c := range map[string]struct {
		resources []engine.Resource
		want      string
	}{
		"unknown kind":    {[]engine.Resource{{Addr: engine.Addr{Kind: "nothing", Name: "x"}}}, "its kind has no schema"},
		"twice":           {[]engine.Resource{file("/a", blankNode(hosts.File)), file("/a", blankNode(hosts.File))}, "twice"},
		"no node":         {[]engine.Resource{file("/a", nil)}, "it has no node"},
		"relative":        {[]engine.Resource{file("a", blankNode(hosts.File))}, "a path is absolute"},
		"not clean":       {[]engine.Resource{file("/a/../b", blankNode(hosts.File))}, "a path is clean"},
		"mode":            {[]engine.Resource{file("/a", node(func(n *hosts.Node) { n.Mode = 0o100644 }))}, "more than a mode"},
		"type":            {[]engine.Resource{file("/a", node(func(n *hosts.Node) { n.Type = 'x' }))}, "type 120"},
		"size":            {[]engine.Resource{file("/a", node(func(n *hosts.Node) { n.Content.Size = -1 }))}, "-1 bytes"},
		"secret in clear": {[]engine.Resource{user(map[string]cty.Value{"password": cty.StringVal("hunter2")})}, "not sealed"},
		"wrong type":      {[]engine.Resource{user(map[string]cty.Value{"uid": cty.StringVal("x")})}, "uid is string, not number"},
		"missing":         {[]engine.Resource{{Addr: engine.Addr{Kind: "user", Name: "u"}, Value: cty.EmptyObjectVal}}, "uid is not in its value"},
		"infinite":        {[]engine.Resource{thing(cty.PositiveInfinity)}, "infinity"},
		"unknown value":   {[]engine.Resource{thing(cty.UnknownVal(cty.Number))}, "not known"},
		"marked":          {[]engine.Resource{thing(cty.Zero.Mark("x"))}, "secret or not known"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := EncodeSnapshot(&engine.Snapshot{Resources: c.resources}, testSchemas())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the secret")
			}
		})
	}
}

func nullValues(kind string) map[string]cty.Value {
	m := map[string]cty.Value{}
	for _, a := range bySchemaKind(testSchemas())[kind].Attrs {
		m[a.Name] = cty.NullVal(a.Type)
	}
	return m
}

func TestNumbersAreExact(t *testing.T) {
	for _, f := range []*big.Float{
		big.NewFloat(0.1), big.NewFloat(-1e300), new(big.Float).SetMantExp(big.NewFloat(1.5), -900), big.NewFloat(0), big.NewFloat(1 << 62),
	} {
		text, err := numberText(f)
		if err != nil {
			t.Fatal(err)
		}
		v, verr := (literal{kind: litNumber, text: text}).toNumber()
		if verr != nil || !v.RawEquals(cty.NumberVal(f)) {
			t.Errorf("%v is written %s and read %v (%v)", f, text, v, verr)
		}
	}
}

var errTest = errors.New("test")

// brokenFS fails to read its files.
type brokenFS struct{ fstest.MapFS }

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == "." {
		return b.MapFS.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errTest}
}
