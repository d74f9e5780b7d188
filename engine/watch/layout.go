package watch

import (
	"strings"
	"time"
	"unicode/utf8"

	"hikae/engine/view"
)

type text struct {
	Style
	strings.Builder
	now time.Time
}

// line writes a text that is indented, broken where it is too long and safe to print.
func (t *text) line(indent int, tone view.Tone, s string) {
	for _, part := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		for i, l := range wrap(view.Safe(part), t.Width-indent) {
			if i > 0 && t.Width-indent > 20 {
				l = "  " + l
			}
			if tone != "" {
				l = t.Paint(tone, l)
			}
			t.WriteString(strings.Repeat(" ", indent) + l + "\n")
		}
	}
}

// wrap breaks a line between words, and a long word where it must. Lines but the
// first leave two columns free.
func wrap(s string, width int) []string {
	if width <= 4 || utf8.RuneCountInString(s) <= width {
		return []string{s}
	}
	var lines []string
	rest := []rune(s)
	for room := width; len(rest) > room; room = width - 2 {
		cut := room
		for i := room; i > room/2; i-- {
			if rest[i] == ' ' {
				cut = i
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

// head writes a line that begins with a host, the word in a tone.
func (t *text) head(host, word string, tone view.Tone, more string) {
	plain := host + "  " + word + more
	if lines := wrap(view.Safe(plain), t.Width); len(lines) > 1 {
		t.line(0, tone, plain)
		return
	}
	t.WriteString(t.Paint(view.Strong, view.Safe(host)) + "  " + t.Paint(tone, view.Safe(word)) + view.Safe(more) + "\n")
}

// ago is how long ago something was.
func (t *text) ago(at time.Time) string { return Span(max(0, t.now.Sub(at))) + " ago" }

func (t *text) since(at time.Time) string { return "for " + Span(max(0, t.now.Sub(at))) }

func (t *text) in(at time.Time) string {
	if d := at.Sub(t.now); d > 0 {
		return "in " + Span(d)
	}
	return "now"
}
