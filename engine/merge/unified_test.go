package merge_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/merge"
)

// What diff -u of GNU diffutils 3.8 prints.
func TestUnified(t *testing.T) {
	many := strings.Repeat("same\n", 4)
	for name, c := range map[string]struct{ a, b, want string }{
		"equal":          {"x\n", "x\n", ""},
		"one line":       {"a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		"from nothing":   {"", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		"to nothing":     {"a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		"no last \\n":    {"a\nb", "a\nc\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n"},
		"far":            {"1\n" + many + many + "2\n", many + many + "3\n", "@@ -1,4 +1,3 @@\n-1\n same\n same\n same\n@@ -7,4 +6,4 @@\n same\n same\n same\n-2\n+3\n"},
		"near":           {"1\n" + many + "2\n", "0\n" + many + "3\n", "@@ -1,6 +1,6 @@\n-1\n+0\n same\n same\n same\n same\n-2\n+3\n"},
		"nothing common": {"a\nb\n", "c\nd\n", "@@ -1,2 +1,2 @@\n-a\n-b\n+c\n+d\n"},
	} {
		want := c.want
		if want != "" {
			want = "--- old\n+++ new\n" + want
		}
		if got := merge.Unified("old", "new", []byte(c.a), []byte(c.b)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// A unified diff makes the one text of the other, both ways, and its heads count
// what follows them.
func TestUnifiedApplies(t *testing.T) {
	text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "-\n", "\n", "x y\n"}), 0, 60), func(ls []string) string { return strings.Join(ls, "") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a")+rapid.SampledFrom([]string{"", "end"}).Draw(t, "a's end"), text.Draw(t, "b")+rapid.SampledFrom([]string{"", "end"}).Draw(t, "b's end")
		d := merge.Unified("a", "b", []byte(a), []byte(b))
		if (d == "") != (a == b) {
			t.Fatalf("%q", d)
		}
		if got := patched(t, d, a, '-', '+'); got != b {
			t.Fatalf("there: %q, want %q\n%s", got, b, d)
		}
		if got := patched(t, d, b, '+', '-'); got != a {
			t.Fatalf("back: %q, want %q\n%s", got, a, d)
		}
	})
}

// patched applies a diff: lines with one sign go, those with the other come.
func patched(t *rapid.T, d, text string, goes, comes byte) string {
	in := strings.SplitAfter(text, "\n")
	var out strings.Builder
	at := 0
	keep := func(to int) {
		out.WriteString(strings.Join(in[at:to], ""))
		at = to
	}
	ls := strings.SplitAfter(d, "\n")
	for i := min(2, len(ls)); i < len(ls) && ls[i] != ""; {
		var from, n, newFrom, m int
		head := strings.NewReplacer(",", " ", "@@", "", "-", "", "+", "").Replace(withCounts(ls[i]))
		if _, err := fmt.Sscan(head, &from, &n, &newFrom, &m); err != nil {
			t.Fatalf("%q: %v", ls[i], err)
		}
		if goes == '+' {
			from, n, m = newFrom, m, n
		}
		keep(max(0, from-1) + min(1, from)*btoi(n == 0))
		for i++; i < len(ls) && ls[i] != "" && !strings.HasPrefix(ls[i], "@@"); i++ {
			line := ls[i][1:]
			if i+1 < len(ls) && strings.HasPrefix(ls[i+1], "\\") {
				line = strings.TrimSuffix(line, "\n")
			}
			switch ls[i][0] {
			case comes:
				out.WriteString(line)
				m--
			case goes, ' ':
				if in[at] != line {
					t.Fatalf("%q where %q stands", line, in[at])
				}
				at++
				n--
				if ls[i][0] == ' ' {
					out.WriteString(line)
					m--
				}
			}
		}
		if n != 0 || m != 0 {
			t.Fatalf("%d and %d lines more than were there:\n%s", n, m, d)
		}
	}
	keep(len(in))
	return out.String()
}

// withCounts writes out the counts that a head leaves out: those of one.
func withCounts(head string) string {
	words := strings.Fields(head)
	for i, w := range words[1:3] {
		if !strings.Contains(w, ",") {
			words[i+1] = w + ",1"
		}
	}
	return strings.Join(words, " ")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
