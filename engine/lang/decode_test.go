package lang

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

const goodHeader = "snapshot {\n  format = 1\n  host   = \"a\"\n  taken  = \"2026-11-23T07:00:54Z\"\n}\n"

// TestDecodeRefuses: a snapshot that was tampered with or torn is refused with
// a place, whatever is wrong with it.
func TestDecodeRefuses(t *testing.T) {
	id := strings.Repeat("01", 32)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":           {map[string]string{}, "snapshot.hcl:1:1: error: cannot read snapshot.hcl of the snapshot: it is not there"},
		"newer":             {map[string]string{headerFile: "snapshot {\n format = 2\n}\n"}, `snapshot.hcl:2:2: error: format: the snapshot has form "2" and this hikae reads 1`},
		"time":              {map[string]string{headerFile: "snapshot { taken = \"now\" }\n"}, `taken: "now" is no time`},
		"unknown block":     {map[string]string{headerFile: goodHeader + "x {}\n"}, `there is no "x" in snapshot.hcl`},
		"unknown fact":      {map[string]string{headerFile: goodHeader + "facts { x = 1 }\n"}, "this hikae knows no such fact"},
		"wrong fact":        {map[string]string{headerFile: goodHeader + "facts { booted = 1.5 }\n"}, "wanted a whole number"},
		"coverage twice":    {map[string]string{headerFile: goodHeader + "coverage \"f\" {}\ncoverage \"f\" {}\n"}, "the coverage of f is written twice"},
		"hole":              {map[string]string{headerFile: goodHeader + "coverage \"f\" {\n  hole {}\n}\n"}, `wanted hole "PATH"`},
		"variable":          {map[string]string{"files.hcl": "file \"/a\" { mode = local.x }\n"}, "files.hcl:1:20: error: local is no value: there are no variables and no functions here"},
		"template":          {map[string]string{"files.hcl": "file \"/a\" { owner = \"${x}\" }\n"}, "files.hcl:1:22: error: ${ starts a template"},
		"label template":    {map[string]string{"files.hcl": "file \"/%{x}\" {}\n"}, "%{ starts a template"},
		"unknown kind":      {map[string]string{"files.hcl": "fiel \"/a\" {}\n"}, `knows no resources of kind "fiel"`},
		"unknown attribute": {map[string]string{"services.hcl": "service \"a\" { x = 1 }\n"}, `services.hcl:1:15: error: this hikae knows no attribute "x" of a service`},
		"wrong type":        {map[string]string{"services.hcl": "service \"a\" { running = \"yes\" }\n"}, "running: wanted true or false, not a string"},
		"escape":            {map[string]string{"files.hcl": "file \"/a%\" {}\n"}, "ends within an escape"},
		"relative":          {map[string]string{"files.hcl": "file \"a\" {}\n"}, "a path is absolute"},
		"dots":              {map[string]string{"files.hcl": "file \"/etc/../../shadow\" {}\n"}, "a path is clean"},
		"NUL":               {map[string]string{"files.hcl": "file \"/a%00b\" {}\n"}, "a path cannot hold a NUL byte"},
		"long name":         {map[string]string{"files.hcl": "file \"/" + strings.Repeat("a", 256) + "\" {}\n"}, "at most 255 bytes"},
		"twice":             {map[string]string{"files.hcl": "file \"/a\" {}\nfile \"/a\" {}\n"}, "files.hcl:2:1: error: file:/a is in the snapshot twice; first at files.hcl:1:1"},
		"mode":              {map[string]string{"files.hcl": "file \"/a\" { mode = \"99\" }\n"}, `"99" is no mode`},
		"mode number":       {map[string]string{"files.hcl": "file \"/a\" { mode = 644 }\n"}, "wanted a string, not a number"},
		"type":              {map[string]string{"files.hcl": "file \"/a\" { type = \"socket\" }\n"}, "type: want file"},
		"absent and more":   {map[string]string{"files.hcl": "file \"/a\" {\n  absent = true\n  mode = \"0644\"\n}\n"}, "what is absent has no attributes"},
		"no content":        {map[string]string{"files.hcl": "file \"/a\" {}\n"}, "the content of /a is not in files.lock"},
		"content of none":   {map[string]string{filesLock: id + " 1 - /a -\n"}, "files.lock:1:1: error: /a is in none of the .hcl files"},
		"content twice":     {map[string]string{"files.hcl": "file \"/a\" {}\n", filesLock: strings.Repeat(id+" 1 - /a -\n", 2)}, "cannot have a content here"},
		"content id":        {map[string]string{"files.hcl": "file \"/a\" {}\n", filesLock: "xyz 1 - /a -\n"}, "cannot read content id"},
		"content size":      {map[string]string{"files.hcl": "file \"/a\" {}\n", filesLock: id + " -1 - /a -\n"}, "no size in bytes"},
		"sealed flag":       {map[string]string{"files.hcl": "file \"/a\" {}\n", filesLock: id + " 1 x /a -\n"}, "want sealed or -"},
		"lock fields":       {map[string]string{filesLock: id + "\n"}, "want ID SIZE"},
		"two owners": {map[string]string{
			"files.hcl": "file \"/a\" {}\n", filesLock: id + " 1 - /a x\n", pristineLock: "/a y owned\n",
		}, "two packages own file:/a: x and y"},
		"pristine twice":        {map[string]string{pristineLock: strings.Repeat("/a y same file\n", 2)}, "is in it twice"},
		"edited without":        {map[string]string{pristineLock: "/a y edited file\n"}, "/a is in none of the .hcl files"},
		"pristine relative":     {map[string]string{pristineLock: "file::a y same file\n"}, "a path is absolute"},
		"pristine kind":         {map[string]string{pristineLock: "x::a y same file\n"}, `no resources of kind "x"`},
		"pristine of values":    {map[string]string{pristineLock: "service::a y same file\n"}, "its .hcl is missing"},
		"pristine type":         {map[string]string{pristineLock: "/a y same pipe\n"}, `"pipe" is no type`},
		"pristine attribute":    {map[string]string{pristineLock: "/a y same file x=1\n"}, `there is no "x" here`},
		"lock without package":  {map[string]string{"packages.hcl": "package \"a\" {}\n"}, "package:a is not in packages.lock"},
		"package twice":         {map[string]string{"packages.lock": "a 1\na 2\n"}, "package:a is in it twice"},
		"package attribute":     {map[string]string{"packages.lock": "a 1 x=1\n"}, `knows no attribute "x"`},
		"package attributes":    {map[string]string{"packages.hcl": "package \"a\" { version = \"1\" }\n", "packages.lock": "a 1\n"}, "has its attributes in packages.lock"},
		"unknown lock":          {map[string]string{"x.lock": ""}, "no kind with such a lock file"},
		"nested block":          {map[string]string{"services.hcl": "service \"a\" {\n  x {}\n}\n"}, "a service has no blocks within"},
		"three labels":          {map[string]string{"services.hcl": "service \"a\" \"b\" \"c\" {}\n"}, "a service has one label"},
		"attribute twice":       {map[string]string{"services.hcl": "service \"a\" {\n  running = true\n  running = true\n}\n"}, "attribute running is written twice"},
		"open string":           {map[string]string{"services.hcl": "service \"a {}\n"}, "this string does not end on its line"},
		"open block":            {map[string]string{"services.hcl": "service \"a\" {\n"}, "expected an attribute or a block here"},
		"open heredoc":          {map[string]string{"things.hcl": "thing \"a\" {\n text = <<EOT\nx\n"}, "this heredoc does not end"},
		"latin-1":               {map[string]string{"files.hcl": "file \"/caf\xe9\" {}\n"}, "this string is not plain UTF-8"},
		"bad base64":            {map[string]string{"things.hcl": "thing \"a\" { text = { base64 = \"?\" } }\n"}, "this is not base64"},
		"huge exponent":         {map[string]string{"things.hcl": "thing \"a\" { number = 1e999999999 }\n"}, "this number is out of range"},
		"long number":           {map[string]string{"things.hcl": "thing \"a\" { number = " + strings.Repeat("1", 2000) + " }\n"}, "more than 1300 digits"},
		"object key twice":      {map[string]string{"things.hcl": "thing \"a\" { map = { a = 1, a = 2 } }\n"}, `key "a" is written twice`},
		"object attribute":      {map[string]string{"things.hcl": "thing \"a\" { objects = [{ nme = \"x\" }] }\n"}, `there is no "nme"`},
		"many attributes":       {map[string]string{"services.hcl": "service \"a\" {\n" + manyAttrs(300) + "}\n"}, "more than 256 attributes"},
		"null key":              {map[string]string{"things.hcl": "thing \"a\" { map = [{ key = null, value = 1 }] }\n"}, "a key cannot be null"},
		"value behind the last": {map[string]string{"packages.lock": "a 1 exact=true%20true\n"}, "there is more than a value"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			if name != "nothing" {
				fsys[headerFile] = &fstest.MapFile{Data: []byte(goodHeader)}
			}
			for file, text := range c.files {
				fsys[file] = &fstest.MapFile{Data: []byte(text)}
			}
			s, diags := DecodeSnapshot(fsys, testSchemas())
			var b bytes.Buffer
			if err := FormatDiagnostics(&b, diags, fsys, false); err != nil {
				t.Fatal(err)
			}
			if s != nil || !strings.Contains(b.String(), c.want) {
				t.Errorf("got:\n%swant %q", b.String(), c.want)
			}
		})
	}
}

func manyAttrs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  a%d = 1\n", i)
	}
	return b.String()
}

// TestSecretInClearIsNotShown: a tampered snapshot with a hash in it.
func TestSecretInClearIsNotShown(t *testing.T) {
	const hash = "$6$salt$hunter2"
	fsys := fstest.MapFS{
		headerFile:  {Data: []byte(goodHeader)},
		"users.hcl": {Data: []byte("user \"a\" { password = \"" + hash + "\" }\n")},
	}
	_, diags := DecodeSnapshot(fsys, testSchemas())
	var b bytes.Buffer
	if err := FormatDiagnostics(&b, diags, fsys, true); err != nil {
		t.Fatal(err)
	}
	if !diags.HasErrors() || strings.Contains(b.String(), "hunter2") {
		t.Errorf("got:\n%s", b.String())
	}
	for _, j := range JSONDiagnostics(diags) {
		if strings.Contains(fmt.Sprint(j), "hunter2") {
			t.Errorf("JSON shows it: %v", j)
		}
	}
}

func TestDecodeUnreadable(t *testing.T) {
	fsys := brokenFS{fstest.MapFS{headerFile: {Data: []byte(goodHeader)}}}
	if _, diags := DecodeSnapshot(fsys, nil); !strings.Contains(diags.Error(), errTest.Error()) {
		t.Errorf("got %v", diags)
	}
	dir := fstest.MapFS{headerFile + "/x": {Data: []byte("x")}}
	if _, diags := DecodeSnapshot(dir, nil); !strings.Contains(diags.Error(), "not a regular file") {
		t.Errorf("got %v", diags)
	}
}

// TestDiagnosticsAreBounded: a file of nothing but errors gives a screenful.
func TestDiagnosticsAreBounded(t *testing.T) {
	bad := strings.Repeat("nothing \"x\" {}\n", 100_000)
	fsys := fstest.MapFS{
		headerFile: {Data: []byte(goodHeader)}, "a.hcl": {Data: []byte(bad)}, "b.hcl": {Data: []byte(bad)},
		filesLock: {Data: []byte(strings.Repeat("x\n", 100_000))},
	}
	if _, diags := DecodeSnapshot(fsys, testSchemas()); len(diags) > maxDiags+2 {
		t.Errorf("%d diagnostics", len(diags))
	}
}

func bigSnapshot(files int) *engine.Snapshot {
	s := &engine.Snapshot{Host: "rio1", Taken: time.Unix(0, 0)}
	for i := range files {
		n := &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: 1, ID: hosts.ID{byte(i), byte(i >> 8), byte(i >> 16), 1}}}
		if i%3 != 0 {
			n.Mode, n.Group = 0o640, "apache"
		}
		s.Resources = append(s.Resources, engine.Resource{Addr: engine.Addr{Kind: "file", Name: fmt.Sprintf("/etc/foo/bar%06d.conf", i)}, Node: n})
	}
	return s
}

// BenchmarkDecode3000 reads a snapshot of 3,000 files that differ from their
// defaults and 800 packages.
func BenchmarkDecode3000(b *testing.B) { benchmarkDecode(b, 3000) }

// BenchmarkDecode300000 is a whole file server.
func BenchmarkDecode300000(b *testing.B) { benchmarkDecode(b, 300_000) }

func benchmarkDecode(b *testing.B, n int) {
	s := bigSnapshot(n)
	for i := range 800 {
		s.Resources = append(s.Resources, engine.Resource{
			Addr: engine.Addr{Kind: "package", Name: fmt.Sprintf("package%d", i)},
			Value: cty.ObjectVal(map[string]cty.Value{
				"version": cty.StringVal("1.2.3-4.el8.x86_64"), "asked": cty.BoolVal(i%9 == 0), "exact": cty.NullVal(cty.Bool),
				"repo": cty.StringVal("baseos"), "source": cty.NullVal(cty.String),
			}),
		})
	}
	fsys := fileTree(mustEncode(b, s))
	for b.Loop() {
		if _, diags := DecodeSnapshot(fsys, testSchemas()); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

func BenchmarkEncode3000(b *testing.B) {
	s := bigSnapshot(3000)
	for b.Loop() {
		if _, err := EncodeSnapshot(s, testSchemas()); err != nil {
			b.Fatal(err)
		}
	}
}
