package lang

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/text/width"

	"hikae/engine"
)

// Diagnostic is one diagnostic for JSON. Lines and columns begin at 1; they
// are 0 where it concerns no place.
type Diagnostic struct {
	Severity  string `json:"severity"` // error or warning
	Summary   string `json:"summary"`  // what is wrong
	Detail    string `json:"detail,omitempty"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
}

// JSONDiagnostics gives diagnostics in a form for encoding/json.
func JSONDiagnostics(diags hcl.Diagnostics) []Diagnostic {
	out := make([]Diagnostic, 0, len(diags))
	for _, d := range diags {
		j := Diagnostic{Severity: severity(d), Summary: d.Summary, Detail: d.Detail}
		if s := d.Subject; s != nil {
			j.File = s.Filename
			j.Line, j.Column = s.Start.Line, s.Start.Column
			j.EndLine, j.EndColumn = s.End.Line, s.End.Column
		}
		out = append(out, j)
	}
	return out
}

func severity(d *hcl.Diagnostic) string {
	if d.Severity == hcl.DiagWarning {
		return "warning"
	}
	return "error"
}

// FormatDiagnostics writes diagnostics for a person: file:line:column and what
// is wrong, the line of the source with the place under it, and what to do.
// Sources are read from files, which may be nil; one that is not there is left
// out. Colours are written only when asked for, and no control character of a
// source is.
func FormatDiagnostics(w io.Writer, diags hcl.Diagnostics, files fs.FS, colour bool) error {
	var b bytes.Buffer
	sources := map[string][]byte{}
	for i, d := range diags {
		if i > 0 {
			b.WriteByte('\n')
		}
		formatDiagnostic(&b, d, files, sources, paint{colour})
	}
	_, err := b.WriteTo(w)
	return err
}

// paint colours text, or not.
type paint struct{ on bool }

func (p paint) text(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Colours, as terminals number them.
const (
	bold      = "1"
	boldRed   = "1;31"
	boldAmber = "1;33"
	faint     = "2"
)

func formatDiagnostic(b *bytes.Buffer, d *hcl.Diagnostic, files fs.FS, sources map[string][]byte, p paint) {
	code := boldRed
	if d.Severity == hcl.DiagWarning {
		code = boldAmber
	}
	where := ""
	if d.Subject != nil {
		where = p.text(bold, printable(place(*d.Subject))+":") + " "
	}
	fmt.Fprintf(b, "%s%s %s\n", where, p.text(code, severity(d)+":"), printable(strings.TrimSuffix(d.Summary, ".")))
	if line, start, ok := sourceLine(d, files, sources); ok {
		number := fmt.Sprintf("%5d | ", d.Subject.Start.Line)
		margin := strings.Repeat(" ", len(number)-2) + "| "
		shown, before, under := mark(line, start, *d.Subject)
		fmt.Fprintf(b, "%s%s\n", p.text(faint, number), shown)
		fmt.Fprintf(b, "%s%s%s\n", p.text(faint, margin), strings.Repeat(" ", before), p.text(code, strings.Repeat("^", under)))
	}
	for line := range strings.Lines(d.Detail) {
		fmt.Fprintf(b, "  %s\n", printable(strings.TrimSuffix(line, "\n")))
	}
}

// maxShownLine is the longest line of a source that is shown, in bytes.
const maxShownLine = 240

// sourceLine finds the line that a diagnostic points at, and its offset.
func sourceLine(d *hcl.Diagnostic, files fs.FS, sources map[string][]byte) (line []byte, start int, ok bool) {
	if _, hidden := d.Extra.(withheld); hidden || d.Subject == nil || files == nil || !fs.ValidPath(d.Subject.Filename) {
		return nil, 0, false
	}
	name := d.Subject.Filename
	src, read := sources[name]
	if !read {
		src, _ = readBounded(files, name, maxSnapshotFile) // then there is no line to show
		sources[name] = src
	}
	at := d.Subject.Start.Byte
	if at < 0 || at > len(src) || len(src) == 0 {
		return nil, 0, false
	}
	start = bytes.LastIndexByte(src[:at], '\n') + 1
	line, _, _ = bytes.Cut(src[start:], []byte("\n"))
	return line, start, len(line) <= maxShownLine && len(bytes.TrimSpace(line)) > 0
}

// secretLine finds what a person may have put in clear next to a name that
// means a secret.
var secretLine = engine.Form(`(?i)((?:pass\w*|secret|token|private_?key|credential)\w*"?\s*[=:]\s*"?)[^"]+`)

// mark makes a line fit to show, and says how many columns stand before the
// place and under it. A secret in it is hidden, and then the whole line is
// marked.
func mark(line []byte, start int, at hcl.Range) (shown string, before, under int) {
	text := string(line)
	if hidden := secretLine().ReplaceAllString(text, "${1}…"); hidden != text && !strings.Contains(text, "secret(") {
		shown = printable(hidden)
		return shown, 0, columns(shown)
	}
	from := min(at.Start.Byte-start, len(text))
	to := min(max(at.End.Byte-start, from), len(text))
	return printable(text), columns(printable(text[:from])), max(1, columns(printable(text[from:to])))
}

// printable makes text harmless to a terminal: a tab is a space, what does not
// print is in Escape's form.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r == '\r' && i+n == len(s):
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r):
			for _, c := range []byte(s[i : i+n]) {
				writeEscape(&b, c)
			}
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// columns is how wide printable text is in a terminal.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
