package view

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
)

// What hosts tell comes out whole, in their order, whichever is over first;
// the first of those that are not over prints at once.
func TestBoardKeepsHostsApart(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, &out, false).Board(3)
	say := func(i int, text string) { b.Host(i).Emit(Event{Type: "plan", Text: text}) }
	wants := func(want string) {
		t.Helper()
		if got := strings.ReplaceAll(out.String(), "\n", " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	say(2, "c1")
	say(0, "a1")
	wants("a1 ")
	say(1, "b1")
	b.Over(2)
	wants("a1 ")
	b.Host(0).Error("a", errors.New("a2"), nil)
	wants("a1 a: error: a2 ")
	b.Over(0)
	wants("a1 a: error: a2 b1 ")
	say(1, "b2")
	b.Over(1)
	wants("a1 a: error: a2 b1 b2 c1 ")
}

// Many hosts at once garble nothing: every line is one host's, whole.
func TestBoardIsSafeForConcurrentUse(t *testing.T) {
	const hosts, lines = 20, 50
	for _, json := range []bool{false, true} {
		var out bytes.Buffer
		b := New(&out, &out, json).Board(hosts)
		var wg sync.WaitGroup
		for i := range hosts {
			wg.Go(func() {
				defer b.Over(i)
				v := b.Host(i)
				for range lines {
					v.Progress("h", "working")
					v.Emit(Event{Type: "x", Host: "h", Text: strings.Repeat(string(rune('a'+i)), 40)})
				}
			})
		}
		wg.Wait()
		n := 0
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			switch {
			case json && (!strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}")):
				t.Fatalf("line %q", line)
			case !json && (strings.Trim(line, line[:1]) != "" || line[:1] != string(rune('a'+n/lines))):
				t.Fatalf("line %d: %q", n, line)
			}
			n++
		}
		if want := hosts * lines; !json && n != want || json && n != 2*want {
			t.Errorf("json %v: %d lines", json, n)
		}
	}
}
