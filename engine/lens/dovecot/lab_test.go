package dovecot_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/dovecot"
	"hikae/modules/lenstest"
)

// asked is what doveconf said of a file: what it prints, or its complaint.
type asked struct{ printed, complaint string }

// doveconf asks dovecot's own program about files, each alone.
func doveconf(t *testing.T, files []string) []asked {
	t.Helper()
	tree := map[string]string{}
	for i, src := range files {
		tree[fmt.Sprintf("%04d.conf", i)] = src
	}
	out := lenstest.Daemon(t, tree, `for f in *.conf; do echo "FILE $f"; doveconf -n -P -c $f 2>err | grep -av "^# "; echo COMPLAINT; grep -av Warning: err; done; true`)
	answers := make([]asked, len(files))
	for i, part := range strings.Split(out, "FILE ")[1:] {
		printed, complaint, _ := strings.Cut(part[len("0000.conf\n"):], "COMPLAINT\n")
		answers[i] = asked{printed, complaint}
	}
	return answers
}

// syntax is what config_parse_line and its callers say of a file's form.
var syntax = regexp.MustCompile(`Expecting '\{'|Garbage after '\{'|Unexpected '\}'|Missing '\}'`)

var lineOf = regexp.MustCompile(` line (\d+): `)

// TestLabMutated: what dovecot refuses for its form is refused, at that line, and
// nothing else is. dovecot stops at the first setting that it does not know; up to
// there both agree.
func TestLabMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var files []string
	for range 600 {
		files = append(files, mutated(rng))
	}
	refused, known := 0, 0
	for i, a := range doveconf(t, files) {
		_, err := dovecot.Parse([]byte(files[i]))
		at := 0
		if m := lineOf.FindStringSubmatch(a.complaint); m != nil {
			at, _ = strconv.Atoi(m[1])
		}
		ours := 0
		if err != nil {
			ours, _ = strconv.Atoi(strings.SplitN(err.Error(), ":", 2)[0])
			if strings.Contains(err.Error(), "a block without its }") {
				ours = math.MaxInt // that shows at the end
			}
		}
		switch {
		case syntax.MatchString(a.complaint):
			refused++
			if err == nil || at > 0 && ours > at {
				t.Errorf("%q: dovecot: %s; we: %v", files[i], a.complaint, err)
			}
		case a.complaint == "":
			known++
			if err != nil {
				t.Errorf("%q is refused: %v; dovecot says %q", files[i], err, a.printed)
			}
		default: // what it does not know
			if err != nil && ours < at {
				t.Errorf("%q is refused: %v; dovecot has come further: %s", files[i], err, a.complaint)
			}
		}
	}
	t.Logf("%d files: %d refused, %d taken", len(files), refused, known)
	if refused < 50 || known < 50 {
		t.Error("the files do not try both")
	}
}

// mutated is a file of settings that dovecot knows, with some lines spoilt.
func mutated(rng *rand.Rand) string {
	lines := []string{"mail_debug = yes", "plugin {", "a = \"b # c\" # d", "}", "service imap {", "user = root", "}", "login_greeting = x \\", "y z",
		"# c", "", "passdb {", "driver = \\ # e", "pam", "}", "protocol \"imap\"{", "mail_plugins = $mail_plugins x", "}"}
	for range rng.IntN(3) {
		i := rng.IntN(len(lines))
		bits := []string{" ", "\\", "{", "}", "\"", "'", "#", "=", "\r", "x", " {", "\t", "\\\\", " = "}
		bit := bits[rng.IntN(len(bits))]
		switch at := rng.IntN(len(lines[i]) + 1); rng.IntN(4) {
		case 0:
			lines[i] = lines[i][:at]
		case 1:
			lines = append(lines[:i:i], lines[i+1:]...)
		default:
			lines[i] = lines[i][:at] + bit + lines[i][at:]
		}
	}
	end := []string{"\n", "\n", "\r\n"}[rng.IntN(3)]
	return strings.Join(lines, end) + []string{end, ""}[rng.IntN(2)]
}

// TestLabValues: what doveconf prints of a plugin's settings, whose values are
// any text, is what the tree says.
func TestLabValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	bits := []string{"a", "b", " ", "  ", "\\", "\\\n", "\\ # x\n", "'", "\"", "\"", "#", " #", "\t", "=", "{", "é", "\xff", ",", "\\\\", "$x"}
	var files []string
	for range 500 {
		var b strings.Builder
		b.WriteString("plugin {\n")
		for i := range 6 {
			fmt.Fprintf(&b, "k%d = ", i)
			for range rng.IntN(8) {
				b.WriteString(bits[rng.IntN(len(bits))])
			}
			b.WriteString("\n")
		}
		files = append(files, b.String()+"}\n")
	}
	compared := 0
	for i, a := range doveconf(t, files) {
		f, err := dovecot.Parse([]byte(files[i]))
		if (err != nil) != syntax.MatchString(a.complaint) {
			t.Errorf("%q: dovecot: %q; we: %v", files[i], a.complaint, err)
		}
		if err != nil || a.complaint != "" {
			continue
		}
		if got := plugin(f); got != a.printed {
			t.Errorf("%q: dovecot prints\n%swe read\n%s", files[i], a.printed, got)
		}
		compared++
	}
	t.Logf("%d files printed as we read them", compared)
	if compared < 200 {
		t.Error("too few files are taken")
	}
}

var gaps = regexp.MustCompile(` [ \t]*`)

// plugin prints the block plugin as doveconf does: sorted, each key with its last
// value.
func plugin(f *lens.File) string {
	src := f.Source()
	last := map[string]string{}
	for _, n := range f.Root.Nodes[0].Nodes {
		if !dovecot.IsSetting(n, src) {
			continue
		}
		v, form := dovecot.Value(n, src)
		switch form {
		case dovecot.File:
			v = "<" + v
		case dovecot.Variable: // it puts the words together again
			v = gaps.ReplaceAllString(v, " ")
		}
		last[dovecot.Key(n, src)] = v
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(last)) {
		v := last[k]
		if strings.Contains(v, "#") || v != strings.Trim(v, " \t") {
			v, _ = dovecot.Quote(v)
			v = strings.ReplaceAll(v, "'", `\'`)
		}
		b.WriteString("  " + k + " = " + v + "\n")
	}
	return "plugin {\n" + b.String() + "}\n"
}
