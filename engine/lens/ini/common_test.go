package ini_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/lenstest"
)

// The grammars as lenses have them, for the laws.
var (
	dnf    = lens.Grammar{Name: "repo", Parse: ini.Parse, Comments: []string{"#", ";"}}
	myCnf  = lens.Grammar{Name: "my-cnf", Parse: ini.ParseMyCnf, Comments: []string{"#", ";"}, Fold: ini.MyCnfKey}
	fpm    = lens.Grammar{Name: "php-fpm", Parse: ini.ParseFPM, Comments: []string{";"}}
	unit   = lens.Grammar{Name: "systemd", Parse: ini.ParseUnit, Comments: []string{"#", ";"}}
	oldest = lens.Grammar{Name: "systemd 239", Parse: ini.ParseUnit239, Comments: []string{"#", ";"}}
	all    = []lens.Grammar{dnf, myCnf, fpm, unit, oldest}
)

// corpus are the files of testdata with a suffix.
func corpus(t testing.TB, suffix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*" + suffix)
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus of %s: %v", suffix, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(src)
	}
	return texts
}

// dump is what a file says: a line a setting, section|key=value. value is what
// a value means.
func dump(f *lens.File, value func(string) string) string {
	var b strings.Builder
	line := func(section string, n *lens.Node) {
		b.WriteString(section + "|" + n.Name(f.Source()))
		if len(n.Words) > 1 {
			b.WriteString("=" + strings.ReplaceAll(value(n.Word(f.Source(), 1)), "\n", `\n`))
		}
		b.WriteString("\n")
	}
	for _, s := range f.Root.Nodes {
		if !s.Block {
			line("", s)
		}
		for _, n := range s.Nodes {
			line(s.Name(f.Source()), n)
		}
	}
	return b.String()
}

// Every grammar takes every other's files as its own rules say, and loses none
// of their bytes.
func TestCorpusIsLossless(t *testing.T) {
	for _, own := range []struct {
		g      lens.Grammar
		suffix string
	}{{dnf, ".repo"}, {myCnf, ".cnf"}, {fpm, ".conf"}, {unit, ".service"}, {oldest, ".service"}} {
		for name, src := range corpus(t, own.suffix) {
			if !lenstest.Lossless(t, own.g, []byte(src)) {
				t.Errorf("%s refuses %s", own.g.Name, name)
			}
			for i := range 40 {
				lenstest.Edits(t, own.g, []byte(src), i)
			}
		}
	}
	for _, suffix := range []string{".repo", ".cnf", ".conf", ".service"} {
		for _, src := range corpus(t, suffix) {
			for _, g := range all {
				lenstest.Lossless(t, g, []byte(src))
			}
		}
	}
}

// mutated are files of a corpus with pieces put in, taken out and put elsewhere.
func mutated(corpus []string, pieces []string, n int, r *rand.Rand) []string {
	var out []string
	for range n {
		text := corpus[r.IntN(len(corpus))]
		for range 1 + r.IntN(4) {
			at := r.IntN(len(text) + 1)
			switch r.IntN(3) {
			case 0:
				text = text[:at] + pieces[r.IntN(len(pieces))] + text[at:]
			case 1:
				end := min(len(text), at+r.IntN(8))
				text = text[:at] + text[end:]
			default:
				lines := strings.SplitAfter(text, "\n")
				i := r.IntN(len(lines))
				lines[i] = strings.TrimSuffix(lines[i], "\n") + pieces[r.IntN(len(pieces))] + "\n"
				text = strings.Join(lines, "")
			}
		}
		out = append(out, text)
	}
	return out
}

// built are files made of pieces alone.
func built(pieces []string, n int, r *rand.Rand) []string {
	var out []string
	for range n {
		var b strings.Builder
		for range 1 + r.IntN(14) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		out = append(out, b.String())
	}
	return out
}

func FuzzGrammars(f *testing.F) {
	for _, suffix := range []string{".repo", ".cnf", ".conf", ".service"} {
		for _, src := range corpus(f, suffix) {
			f.Add([]byte(src), 3)
		}
	}
	f.Add([]byte("[a]\nk=v\n  w"), 1)
	f.Add([]byte("[A]\nb=c\\\n\n\\\n#\\\nd=e\\"), 2)
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		for _, g := range all {
			lenstest.Lossless(t, g, src)
		}
	})
}
