package ini

import (
	"regexp"
	"strings"
)

// FPMValue is what a value of php-fpm's means: "1" for yes and kin, "" for no.
// It reports false where that hangs on more than the file: on a ${VARIABLE}, a
// constant of PHP's, an operator.
func FPMValue(written string) (string, bool) {
	if written == "" {
		return "", true
	}
	if n := fpmAlone([]byte(written)); n > 0 {
		return strings.TrimPrefix(fpmWord([]byte(written[:n])), "0"), true
	}
	var b strings.Builder
	for rest := written; rest != ""; {
		switch c := rest[0]; {
		case c == '\'':
			end := strings.IndexByte(rest[1:], '\'')
			if end < 0 { // it ends the value
				return b.String(), true
			}
			b.WriteString(rest[1 : end+1])
			rest = rest[end+2:]
		case c == '"':
			text, n, ok := fpmQuoted(rest)
			if !ok {
				return "", false
			}
			b.WriteString(text)
			rest = strings.TrimLeft(rest[n:], " \t")
		case strings.HasPrefix(rest, "${"), strings.IndexByte("=;&|^~()!", c) >= 0:
			return "", false
		case c == ' ', c == '\t':
			text := strings.TrimLeft(rest, " \t")
			if !strings.HasPrefix(text, `"`) { // blanks before quotes are no part of it
				b.WriteString(rest[:len(rest)-len(text)])
			}
			rest = text
		default:
			s := fpmScanner{text: []byte(rest)}
			n := s.word()
			if fpmConstant.MatchString(rest[:n]) || n == len(rest) && strings.HasSuffix(strings.TrimSuffix(rest, `\`), "$") {
				return "", false
			}
			b.WriteString(rest[:n])
			rest = rest[n:]
		}
	}
	return b.String(), true
}

// fpmQuoted is what "text" means at the start of a string, and how long it is.
func fpmQuoted(s string) (text string, n int, ok bool) {
	var b strings.Builder
	for n = 1; n < len(s); n++ {
		switch c := s[n]; {
		case c == '"':
			return b.String(), n + 1, true
		case strings.HasPrefix(s[n:], "${"):
			return "", 0, false
		case c == '\\' && n+1 < len(s) && (s[n+1] == '"' && n+2 < len(s) || s[n+1] == '\\'):
			n++
			b.WriteByte(s[n])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}

// fpmConstant is what constants look like that PHP itself has.
var fpmConstant = regexp.MustCompile(`^(E_[A-Z_]+|PHP_[A-Z0-9_]+|M_[A-Z0-9_]+|[A-Z]+_[A-Z0-9_]+|NAN|INF|STDIN|STDOUT|STDERR)$`)

// FPMQuote writes text as a value. It reports false where there is no way to.
func FPMQuote(text string) (string, bool) {
	double := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	for _, written := range []string{text, double, `'` + text + `'`} {
		f, err := ParseFPM([]byte("k = " + written + "\n"))
		if err != nil || len(f.Root.Nodes) != 1 {
			continue
		}
		n := f.Root.Nodes[0]
		if n.Word(f.Source(), 1) != written || n.Whole.End != len("k = ")+len(written) {
			continue
		}
		if v, ok := FPMValue(written); ok && v == text {
			return written, true
		}
	}
	return "", false
}
