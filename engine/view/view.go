// Package view shows events to a person or to a program: lines of text, with
// colour and progress on a terminal and neither on a pipe, or one JSON object
// a line. Both are fed by the same calls, so neither knows what the other
// does not.
package view

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Event is something that happened or is to be told. Its JSON form is the line
// that --json prints: type, host and time, then the fields of Data.
type Event struct {
	Type string // "progress", "plan", "change", "done", "note", "error", ...
	Host string // "" where it concerns none
	Text string // the line for a person; "" prints nothing
	Data any    // a struct or map for --json; may be nil
}

// View takes events. It is safe for concurrent use.
type View struct {
	mu     sync.Mutex
	out    io.Writer
	json   bool
	colour bool
	tty    bool
	line   int // length of the progress line that stands on the terminal
	start  time.Time
}

// New makes a view on out. Colour and a moving progress line are used only
// where out is a terminal that is not dumb; colour only where NO_COLOR
// (no-color.org) is not set.
func New(out io.Writer, asJSON bool) *View {
	v := &View{out: out, json: asJSON, start: time.Now()}
	if f, ok := out.(*os.File); ok && !asJSON {
		v.tty = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
		v.colour = v.tty && os.Getenv("NO_COLOR") == ""
	}
	return v
}

// JSON reports whether the view prints JSON.
func (v *View) JSON() bool { return v.json }

// Colour reports whether the view prints in colour.
func (v *View) Colour() bool { return v.colour }

// Emit shows an event.
func (v *View) Emit(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.json {
		v.emitJSON(e)
		return
	}
	if e.Text == "" {
		return
	}
	v.wipe()
	_, _ = fmt.Fprintln(v.out, strings.TrimSuffix(e.Text, "\n"))
}

func (v *View) emitJSON(e Event) {
	m := map[string]any{}
	if e.Data != nil {
		b, err := json.Marshal(e.Data)
		if err == nil {
			err = json.Unmarshal(b, &m)
		}
		if err != nil {
			m = map[string]any{"data": e.Data}
		}
	}
	m["type"] = e.Type
	m["time"] = time.Now().UTC().Format(time.RFC3339Nano)
	if e.Host != "" {
		m["host"] = e.Host
	}
	if _, has := m["text"]; !has && e.Data == nil && e.Text != "" {
		m["text"] = e.Text
	}
	b, err := json.Marshal(m)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"type": "error", "text": err.Error()})
	}
	_, _ = fmt.Fprintf(v.out, "%s\n", b)
}

// Progress shows what takes long. On a terminal it is one line that the next
// one replaces; on a pipe nothing; in JSON an event.
func (v *View) Progress(host, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.json:
		v.emitJSON(Event{Type: "progress", Host: host, Text: text})
	case v.tty:
		v.wipe()
		line := host + ": " + Safe(text)
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 8 {
			if r := []rune(line); len(r) >= w {
				line = string(r[:w-1])
			}
		}
		v.line = len(line)
		_, _ = fmt.Fprint(v.out, line)
	}
}

// wipe clears the progress line.
func (v *View) wipe() {
	if v.line > 0 {
		_, _ = fmt.Fprint(v.out, "\r\x1b[K")
		v.line = 0
	}
}

// Safe makes a text from a host safe to print: what could steer a terminal is
// quoted.
func Safe(s string) string {
	ok := utf8.ValidString(s)
	for _, r := range s {
		ok = ok && (unicode.IsPrint(r) || r == '\t')
	}
	if ok {
		return s
	}
	return strconv.Quote(s)
}

// The colours of a plan.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	dim    = "2"
	bold   = "1"
)

// paint colours a text where the view has colours.
func (v *View) paint(colour, s string) string {
	if !v.colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// Error shows an error: on a terminal in red.
func (v *View) Error(host string, err error, data any) {
	prefix := "error: "
	if host != "" {
		prefix = host + ": error: "
	}
	if data == nil {
		data = map[string]string{"text": err.Error()}
	}
	v.Emit(Event{Type: "error", Host: host, Text: v.paint(red, prefix) + Printable(err.Error()), Data: data})
}

// Size is a number of bytes for a person.
func Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
