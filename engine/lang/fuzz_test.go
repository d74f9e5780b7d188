package lang

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/hosts/hosttest"
)

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"", "/etc/x", "%", "%4", "%zz", "%00%ff", "caf\xe9", "e\u0301", "%25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := Escape(s)
		if !norm.NFC.IsNormalString(escaped) || strings.ContainsFunc(escaped, func(r rune) bool { return r < ' ' || r == 0xFFFD && !strings.ContainsRune(s, r) }) {
			t.Errorf("Escape(%q) = %q", s, escaped)
		}
		if back, err := Unescape(escaped); err != nil || back != s {
			t.Errorf("Unescape(Escape(%q)) = %q, %v", s, back, err)
		}
		if raw, err := Unescape(s); err == nil {
			if again, err := Unescape(Escape(raw)); err != nil || again != raw {
				t.Errorf("%q: %q, then %q, %v", s, raw, again, err)
			}
		}
	})
}

func addArchives(f *testing.F, add func([]byte)) {
	f.Helper()
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if strings.HasSuffix(file.Name, ".hcl") {
				add(file.Data)
			}
		}
	}
}

// addHome adds the example project.
func addHome(f *testing.F) {
	f.Helper()
	names, err := filepath.Glob("../../testdata/home/*.hcl")
	if err != nil || len(names) == 0 {
		f.Fatalf("no example project: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzLoad feeds one file of a project: it gives a project or diagnostics that
// have places.
func FuzzLoad(f *testing.F) {
	addArchives(f, func(b []byte) { f.Add(b) })
	addHome(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		fsys := fstest.MapFS{"a.hcl": {Data: src, Mode: 0o644}, "files/x": {Data: []byte("x"), Mode: 0o644}}
		hosttest.Bounded(t, 256<<20+20_000*uint64(len(src)), 10*time.Second, func() {
			p, diags := Load(fsys, testSchemas(), Options{Version: "0.1.0"})
			if p == nil {
				t.Fatal("no project")
			}
			for _, d := range diags {
				if d.Subject == nil {
					t.Errorf("no place: %v", d)
				}
			}
			if err := FormatDiagnostics(io.Discard, diags, fsys, true); err != nil {
				t.Error(err)
			}
		})
	})
}

// FuzzFormat holds fmt to its laws: nothing but space changes, and a second
// time nothing does.
func FuzzFormat(f *testing.F) {
	addArchives(f, func(b []byte) { f.Add(b) })
	f.Add([]byte("x = <<-EOT\n   a ${1}\n  EOT\ny=[1,\n2]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		tidy, diags := Format(src)
		if diags.HasErrors() {
			if !bytes.Equal(tidy, src) {
				t.Error("what does not parse was changed")
			}
			return
		}
		if !sameTokens(src, tidy) {
			t.Errorf("tokens changed:\n%s\n%s", src, tidy)
		}
		if _, diags := Format(tidy); diags.HasErrors() {
			t.Errorf("tidy does not parse: %v", diags)
		}
	})
}

// FuzzLiterals holds the literal reader to hclsyntax: what it takes, that
// takes, with the same meaning.
func FuzzLiterals(f *testing.F) {
	for name, b := range mustEncode(f, plainSnapshot()) {
		if strings.HasSuffix(name, ".hcl") {
			f.Add(b)
		}
	}
	f.Add([]byte("a {\n x = -1.5e3\n y = [null, true, {a=1, \"b\" = \"\\u00e9\"}]\n}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if err := readersAgree("x.hcl", src); err != nil {
			t.Errorf("%v\n%s", err, src)
		}
	})
}

// fuzzedFiles are the parts of a snapshot that FuzzDecodeSnapshot feeds.
var fuzzedFiles = []string{headerFile, "files.hcl", "things.hcl", "packages.hcl", "packages.lock", filesLock, pristineLock}

// FuzzDecodeSnapshot: what is read can be written, and reads the same.
func FuzzDecodeSnapshot(f *testing.F) {
	seed := mustEncode(f, plainSnapshot())
	part := func(i int) []byte { return seed[fuzzedFiles[i]] }
	f.Add(part(0), part(1), part(2), part(3), part(4), part(5), part(6))
	for i := range 20 { // what hosts may hold, hostile as they may be
		seed = mustEncode(f, rapid.Custom(genSnapshot).Example(i))
		f.Add(part(0), part(1), part(2), part(3), part(4), part(5), part(6))
	}
	f.Fuzz(func(t *testing.T, header, files, things, packages, packagesLock, filesLock, pristineLock []byte) {
		fsys := fstest.MapFS{}
		for i, b := range [][]byte{header, files, things, packages, packagesLock, filesLock, pristineLock} {
			fsys[fuzzedFiles[i]] = &fstest.MapFile{Data: b, Mode: 0o644}
		}
		size := len(header) + len(files) + len(things) + len(packages) + len(packagesLock) + len(filesLock) + len(pristineLock)
		var s *engine.Snapshot
		var diags hcl.Diagnostics
		hosttest.Bounded(t, 64<<20+2_000*uint64(size), 10*time.Second, func() {
			s, diags = DecodeSnapshot(fsys, testSchemas())
		})
		if err := FormatDiagnostics(io.Discard, diags, fsys, false); err != nil {
			t.Error(err)
		}
		if diags.HasErrors() {
			if s != nil {
				t.Error("a snapshot beside errors")
			}
			return
		}
		again, err := EncodeSnapshot(s, testSchemas())
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if diff := sameSnapshot(s, mustDecode(t, again)); diff != "" {
			t.Errorf("written and read again differs:\n%s", diff)
		}
	})
}

// TestNestingIsBounded: what would exhaust the stack is refused by both
// readers.
func TestNestingIsBounded(t *testing.T) {
	const n = 1 << 18
	for name, src := range map[string]string{
		"brackets":  "a { x = " + strings.Repeat("[", n),
		"objects":   "a { x = " + strings.Repeat("{a=", n),
		"parens":    "locals { x = " + strings.Repeat("(", n),
		"not":       "locals { x = " + strings.Repeat("!", n) + "true }",
		"minus":     "locals { x = " + strings.Repeat("- ", n) + "1 }",
		"question":  "locals { x = " + strings.Repeat("true ? 1 : ", n/4) + "1 }",
		"plus":      "locals { x = 1" + strings.Repeat("+1", n) + " }",
		"templates": "locals { x = \"" + strings.Repeat("${\"", n/2),
		"ifs":       "locals { x = \"" + strings.Repeat("%{if true}", n/8) + "\" }",
		"blocks":    strings.Repeat("a {\n", n/2),
		"dots":      "locals { x = a" + strings.Repeat(".a", n) + " }",
		"indices":   "locals { x = a" + strings.Repeat("[0]", n/2) + " }",
		"splats":    "locals { x = a" + strings.Repeat("[*]", n/2) + " }",
		"calls":     "locals { x = " + strings.Repeat("f(", n),
	} {
		t.Run(name, func(t *testing.T) {
			if _, diags := Load(fstest.MapFS{"a.hcl": {Data: []byte(src)}}, nil, Options{}); !diags.HasErrors() {
				t.Error("Load takes it")
			}
			if diags := parseLiterals("a.hcl", []byte(src), func(litBlock) hcl.Diagnostics { return nil }); !diags.HasErrors() {
				t.Error("the literal reader takes it")
			}
		})
	}
}
