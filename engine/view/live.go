package view

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// Tone is how a text stands out where there are colours.
type Tone string

// The tones.
const (
	Good   Tone = green
	Care   Tone = yellow
	Bad    Tone = red
	Faint  Tone = dim
	Strong Tone = bold
)

// Paint gives a text a tone where the view has colours.
func (v *View) Paint(t Tone, text string) string { return v.paint(string(t), text) }

// Terminal reports whether the view is on a terminal, where a text can be redrawn.
func (v *View) Terminal() bool { return v.tty }

// Width is how many columns the terminal has; 0 where there is none.
func (v *View) Width() int {
	if f, ok := v.out.(*os.File); ok && v.tty {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// Clear clears the screen of a terminal.
func (v *View) Clear() { _, _ = fmt.Fprint(v.out, "\x1b[H\x1b[2J") }

// Redraw shows a text in place of the whole screen of a terminal: line by line
// over what is there, so that nothing flickers. What does not fit is left out.
func (v *View) Redraw(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if f, ok := v.out.(*os.File); ok {
		if _, h, err := term.GetSize(int(f.Fd())); err == nil && h > 1 && len(lines) >= h {
			lines = append(lines[:h-2], "...")
		}
	}
	// ECMA-48: cursor home, each line erased to its end, the rest of the screen erased.
	_, _ = fmt.Fprint(v.out, "\x1b[H", strings.Join(lines, "\x1b[K\n"), "\x1b[K\n\x1b[J")
}
