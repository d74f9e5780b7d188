package merge

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMerge(t *testing.T) {
	for _, tt := range []struct {
		name, base, ours, theirs string
		want                     string
		conflicts                []Hunk
	}{
		{"apart", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n", nil},
		{"one line between", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", nil},
		{"adjacent", "a\nb\n", "A\nb\n", "a\nB\n", "", []Hunk{{
			Base: Side{1, 2, "a\nb\n"}, Ours: Side{1, 2, "A\nb\n"}, Theirs: Side{1, 2, "a\nB\n"}}}},
		{"two insertions at one point", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "", []Hunk{{
			Base: Side{2, 0, ""}, Ours: Side{2, 1, "x\n"}, Theirs: Side{2, 1, "y\n"}}}},
		{"the same insertion", "a\nb\n", "a\nx\nb\n", "a\nx\nb\n", "a\nx\nb\n", nil},
		{"the same and another", "a\nb\nc\nd\n", "A\nb\nc\nD\n", "A\nb\nc\nd\n", "A\nb\nc\nD\n", nil},
		{"an insertion beside an edit", "a\nb\n", "a\nx\nb\n", "a\nB\n", "", []Hunk{{
			Base: Side{2, 1, "b\n"}, Ours: Side{2, 2, "x\nb\n"}, Theirs: Side{2, 1, "B\n"}}}},
		{"removed and edited", "a\nb\nc\n", "a\nc\n", "a\nB\nc\n", "", []Hunk{{
			Base: Side{2, 1, "b\n"}, Ours: Side{2, 0, ""}, Theirs: Side{2, 1, "B\n"}}}},
		{"lines are of each side", "a\nb\nc\n", "0\n1\na\nb\nC\n", "a\nb\nD\n", "", []Hunk{{
			Base: Side{3, 1, "c\n"}, Ours: Side{5, 1, "C\n"}, Theirs: Side{3, 1, "D\n"}}}},
		{"an edit over two of the other's", "a\nb\nc\nd\ne\n", "X\n", "A\nb\nc\nd\nE\n", "", []Hunk{{
			Base: Side{1, 5, "a\nb\nc\nd\ne\n"}, Ours: Side{1, 1, "X\n"}, Theirs: Side{1, 5, "A\nb\nc\nd\nE\n"}}}},
		{"CRLF", "a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", nil},
		{"CRLF is another line", "a\nb\n", "a\r\nb\r\n", "A\nb\n", "", []Hunk{{
			Base: Side{1, 2, "a\nb\n"}, Ours: Side{1, 2, "a\r\nb\r\n"}, Theirs: Side{1, 2, "A\nb\n"}}}},
		{"no final newline", "a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC", nil},
		{"a newline and a line at the end", "a\nb", "a\nb\n", "a\nb\nc\n", "", []Hunk{{
			Base: Side{2, 1, "b"}, Ours: Side{2, 1, "b\n"}, Theirs: Side{2, 2, "b\nc\n"}}}},
		{"empty base", "", "a\n", "b\n", "", []Hunk{{Base: Side{1, 0, ""}, Ours: Side{1, 1, "a\n"}, Theirs: Side{1, 1, "b\n"}}}},
		{"emptied and edited", "a\n", "", "b\n", "", []Hunk{{Base: Side{1, 1, "a\n"}, Ours: Side{1, 0, ""}, Theirs: Side{1, 1, "b\n"}}}},
		{"latin 1", "\xe4\n\xf6\n\xfc\n", "\xc4\n\xf6\n\xfc\n", "\xe4\n\xf6\n\xdc\n", "\xc4\n\xf6\n\xdc\n", nil},
		{"binary", "a\x00b\nc\nd\n", "A\x00b\nc\nd\n", "a\x00b\nc\nD\n", "", []Hunk{{Binary: true}}},
		{"binary, changed by one", "a\x00b\n", "a\x00b\n", "a\x00c\n", "a\x00c\n", nil},
	} {
		got, conflicts := Merge([]byte(tt.base), []byte(tt.ours), []byte(tt.theirs))
		if string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if d := cmp.Diff(tt.conflicts, conflicts); d != "" {
			t.Errorf("%s:\n%s", tt.name, d)
		}
		if conflicts != nil && got != nil {
			t.Errorf("%s: bytes beside conflicts", tt.name)
		}
	}
}

func TestMarked(t *testing.T) {
	got := Marked([]byte("a\nb\nc\nd"), []byte("A\nb\nc\nX"), []byte("a\nb\nc\nY\n"), [3]string{"source", "package", "target"})
	want := "A\nb\nc\n<<<<<<< source\nX\n||||||| package\nd\n=======\nY\n>>>>>>> target\n"
	if string(got) != want || !HasMarkers(got) {
		t.Errorf("got\n%s", got)
	}
	if HasMarkers([]byte("a\n<<<<<<<b\n # >>>>>>> c\n")) {
		t.Error("markers where there are none")
	}
}

// A file that has over a hundred edits, more than lcs follows in one piece.
func TestMergeOfManyEdits(t *testing.T) {
	var base, ours, theirs, want strings.Builder
	for i := range 2000 {
		line := fmt.Sprintf("setting%d = 1\n", i)
		base.WriteString(line)
		changed := fmt.Sprintf("setting%d = 2\n", i)
		o, th, w := line, line, line
		switch i % 5 {
		case 0:
			o, w = changed, changed
		case 2:
			th, w = changed, changed
		}
		ours.WriteString(o)
		theirs.WriteString(th)
		want.WriteString(w)
	}
	got, conflicts := Merge([]byte(base.String()), []byte(ours.String()), []byte(theirs.String()))
	if len(conflicts) > 0 || string(got) != want.String() {
		t.Errorf("%d conflicts, the first %+v", len(conflicts), conflicts[:min(1, len(conflicts))])
	}
}

// text draws a text of few sorts of lines, so that they repeat and collide.
func text(t *rapid.T, name string) []byte {
	ls := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "", "a\r", "\xff", "x", "y"}), 0, 12).Draw(t, name)
	s := strings.Join(ls, "\n")
	if len(ls) > 0 && rapid.Bool().Draw(t, name+" ends") {
		s += "\n"
	}
	return []byte(s)
}

// edited draws a text by changing some lines of another.
func edited(t *rapid.T, base []byte, name string) []byte {
	ls := lines(base)
	for range rapid.IntRange(0, 3).Draw(t, name+" edits") {
		at := rapid.IntRange(0, len(ls)).Draw(t, name+" at")
		end := min(len(ls), at+rapid.IntRange(0, 2).Draw(t, name+" of"))
		fresh := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "x\n", "y\n", "z\n"}), 0, 2).Draw(t, name+" by")
		ls = slices.Concat(ls[:at], fresh, ls[end:])
	}
	return []byte(strings.Join(ls, ""))
}

func apply(a, b []string, edits []edit) string {
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.WriteString(strings.Join(a[at:e.start], "") + strings.Join(b[e.newStart:e.newEnd], ""))
		at = e.end
	}
	return out.String() + strings.Join(a[at:], "")
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := text(t, "base")
		ours, theirs := edited(t, base, "ours"), edited(t, base, "theirs")
		if rapid.Bool().Draw(t, "unrelated") {
			theirs = text(t, "theirs")
		}
		must := func(what string, a, b, c, want []byte) {
			if got, conflicts := Merge(a, b, c); conflicts != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q, conflicts %+v", what, got, conflicts)
			}
		}
		must("only theirs changed", base, base, theirs, theirs)
		must("only ours changed", base, ours, base, ours)
		must("both changed alike", base, ours, ours, ours)
		if got := apply(lines(base), lines(theirs), diff(lines(base), lines(theirs))); got != string(theirs) {
			t.Fatalf("the edits make %q of it, not %q", got, theirs)
		}

		got, conflicts := Merge(base, ours, theirs)
		mirrored, mirroredConflicts := Merge(base, theirs, ours)
		for i := range mirroredConflicts {
			h := &mirroredConflicts[i]
			h.Ours, h.Theirs = h.Theirs, h.Ours
		}
		if !bytes.Equal(got, mirrored) || !cmp.Equal(conflicts, mirroredConflicts) {
			t.Fatalf("not symmetric: %q and %q, %+v and %+v", got, mirrored, conflicts, mirroredConflicts)
		}
		if conflicts == nil {
			complete(t, base, ours, theirs, got)
			return
		}
		for _, h := range conflicts {
			within(t, "base", base, h.Base)
			within(t, "ours", ours, h.Ours)
			within(t, "theirs", theirs, h.Theirs)
		}
	})
}

// complete checks that a clean merge has each line that a side put in, as
// often at least as that side did, and no line that neither side has.
func complete(t *rapid.T, base, ours, theirs, merged []byte) {
	count := func(ls []string) map[string]int {
		m := map[string]int{}
		for _, l := range ls {
			m[l]++
		}
		return m
	}
	has := count(lines(merged))
	for _, s := range [][]byte{ours, theirs} {
		b, ls := lines(base), lines(s)
		for _, e := range diff(b, ls) {
			for l, n := range count(ls[e.newStart:e.newEnd]) {
				if has[l] < n {
					t.Fatalf("%q is lost in %q", l, merged)
				}
			}
		}
	}
	from := count(slices.Concat(lines(ours), lines(theirs)))
	for l := range has {
		if from[l] == 0 {
			t.Fatalf("%q is in neither side", l)
		}
	}
}

// within checks that a side of a conflict is where it says.
func within(t *rapid.T, name string, text []byte, s Side) {
	ls := lines(text)
	if got := strings.Join(ls[s.Line-1:s.Line-1+s.Lines], ""); got != s.Text {
		t.Fatalf("%s: %+v, there is %q", name, s, got)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte("A\nb\n"), []byte("a\nB\n"))
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte) {
		got, conflicts := Merge(base, ours, theirs)
		mirrored, _ := Merge(base, theirs, ours)
		if !bytes.Equal(got, mirrored) || (conflicts != nil && got != nil) {
			t.Errorf("%q and %q, %+v", got, mirrored, conflicts)
		}
		Marked(base, ours, theirs, [3]string{})
	})
}
