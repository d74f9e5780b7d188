package lang

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
)

func TestNearest(t *testing.T) {
	known := []string{"owner", "mode", "group", "ssh", "standby"}
	for name, want := range map[string]string{
		"onwer": "owner", "mdoe": "mode", "groups": "group", "shh": "ssh", "stand-by": "standby",
		"x": "", "zebra": "", "": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := Nearest("onwer", known); got != `; did you mean "owner"?` {
		t.Errorf("got %q", got)
	}
	if got := Nearest("zebra", known); got != "" {
		t.Errorf("got %q", got)
	}
}

func format(t *testing.T, src, name, at string, colour bool) string {
	t.Helper()
	i := strings.Index(src, at)
	line := 1 + strings.Count(src[:i], "\n")
	rng := hcl.Range{
		Filename: name,
		Start:    hcl.Pos{Line: line, Column: 1, Byte: i},
		End:      hcl.Pos{Line: line, Column: 1, Byte: i + len(at)},
	}
	var b bytes.Buffer
	if err := FormatDiagnostics(&b, hcl.Diagnostics{failure(rng, "wrong", "do this")}, fstest.MapFS{"a.hcl": {Data: []byte(src)}}, colour); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFormatDiagnostics: the caret stands under the place however wide the
// letters before it are, and a source sends nothing to the terminal.
func TestFormatDiagnostics(t *testing.T) {
	if got, want := format(t, "x = \"日本\" + y\nz\n", "a.hcl", "y", false), ""+
		"a.hcl:1:1: error: wrong\n    1 | x = \"日本\" + y\n      |              ^\n  do this\n"; got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := format(t, "x = \"\x1b]0;evil\x07\" y\n", "a.hcl", "y", false); strings.ContainsAny(got, "\x1b\x07") || !strings.Contains(got, "%1B]0;evil%07") {
		t.Errorf("got %q", got)
	}
	if got := format(t, "x = y\n", "a.hcl", "y", true); !strings.Contains(got, "\x1b[1;31merror:\x1b[0m") {
		t.Errorf("got %q", got)
	}
	if got := format(t, "x = y\n", "other.hcl", "y", false); strings.Contains(got, "|") {
		t.Errorf("a source that is not there is shown: %q", got)
	}
	if got := format(t, "x = y\n", "../a.hcl", "y", false); strings.Contains(got, "|") {
		t.Errorf("a source outside is shown: %q", got)
	}
	if got := format(t, "\t\tx = y\r\n", "a.hcl", "y", false); !strings.Contains(got, "    1 |   x = y\n      |       ^\n") {
		t.Errorf("tabs: %q", got)
	}
}

// TestSourceHidesSecrets: a line that another diagnostic points at may hold a
// secret.
func TestSourceHidesSecrets(t *testing.T) {
	for _, src := range []string{
		`  password = "hunter2" + x`, `password="hunter2" x`, `{ token = "hunter2", x }`, `api_secret: "hunter2" x`,
		`passphrase = hunter2 x`, `"private_key" = "hunter2" x`,
	} {
		if got := format(t, src+"\n", "a.hcl", "x", false); strings.Contains(got, "hunter2") {
			t.Errorf("%s: got\n%s", src, got)
		}
	}
}

func TestJSONDiagnostics(t *testing.T) {
	_, diags := Load(fstest.MapFS{"a.hcl": {Data: []byte("host \"a\" {}\n")}}, nil, Options{})
	b, err := json.Marshal(JSONDiagnostics(diags))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"severity":"error","summary":"how is this host reached?","detail":"Write ssh = \"root@a\", or local = true for this very machine.","file":"a.hcl","line":1,"column":1,"end_line":1,"end_column":9}]`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	if got := JSONDiagnostics(hcl.Diagnostics{{Severity: hcl.DiagWarning, Summary: "w"}}); got[0].Severity != "warning" || got[0].Line != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestFormat(t *testing.T) {
	const src = "host   \"a\" {\nlocal=true\n   labels = [\"x\",\n\"y\"]\n}\nlocals {\n  t = <<-EOT\n      indented   text\n\t${ upper( \"x\" ) }\n    EOT\n}\n"
	const want = "host \"a\" {\n  local = true\n  labels = [\"x\",\n  \"y\"]\n}\nlocals {\n  t = <<-EOT\n      indented   text\n\t${upper(\"x\")}\n    EOT\n}\n"
	got, diags := Format([]byte(src))
	if diags.HasErrors() || string(got) != want {
		t.Errorf("got %v\n%s", diags, got)
	}
	if again, _ := Format(got); !bytes.Equal(again, got) {
		t.Errorf("a second time:\n%s", again)
	}
	if got, diags := Format([]byte("a {")); !diags.HasErrors() || string(got) != "a {" {
		t.Errorf("got %q, %v", got, diags)
	}
}

func TestEscape(t *testing.T) {
	for raw, want := range map[string]string{
		"/etc/hosts":   "/etc/hosts",
		"/etc/a b":     "/etc/a b",
		"100%":         "100%25",
		"caf\xe9":      "caf%E9",
		"café":         "café",
		"cafe\u0301":   "cafe%CC%81",
		"café e\u0301": "caf%C3%A9 e%CC%81",
		"a\nb\x00":     "a%0Ab%00",
		"\u202etxt":    "%E2%80%AEtxt",
		"nbsp\u00a0":   "nbsp%C2%A0",
		"\ufffd":       "\ufffd",
		"日本":           "日本",
		"\x1b[31m":     "%1B[31m",
		"A\u0301":      "A%CC%81",
		"\n\u0301":     "%0A%CC%81",
	} {
		if got := Escape(raw); got != want {
			t.Errorf("Escape(%q) = %q, want %q", raw, got, want)
		}
		if got, err := Unescape(want); err != nil || got != raw {
			t.Errorf("Unescape(%q) = %q, %v", want, got, err)
		}
	}
	for _, bad := range []string{"%", "%2", "a%zz", "%G0", "% 1"} {
		if got, err := Unescape(bad); err == nil {
			t.Errorf("Unescape(%q) = %q", bad, got)
		}
	}
	if got, _ := Unescape("%e9%2F"); got != "\xe9/" {
		t.Errorf("got %q", got)
	}
}
