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
	*screen
	part *part // of a Board; nil prints at once
}

// screen is where views print.
type screen struct {
	mu       sync.Mutex
	out, err io.Writer
	json     bool
	colour   bool
	tty      bool
	line     int // length of the progress line that stands on the terminal
}

// New makes a view on out; errors go to errOut, but for JSON's, which are lines
// as all others. Colour and a moving progress line are used only where out is
// a terminal that is not dumb; colour only where NO_COLOR (no-color.org) is not
// set.
func New(out, errOut io.Writer, asJSON bool) *View {
	s := &screen{out: out, err: errOut, json: asJSON}
	s.tty = !asJSON && isTerminal(out)
	s.colour = s.tty && os.Getenv("NO_COLOR") == ""
	return &View{screen: s}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// JSON reports whether the view prints JSON.
func (v *View) JSON() bool { return v.json }

// ErrorColour reports whether errors are printed in colour.
func (v *View) ErrorColour() bool { return isTerminal(v.err) && os.Getenv("NO_COLOR") == "" }

// Emit shows an event.
func (v *View) Emit(e Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.json:
		v.emitJSON(e)
	case e.Text == "":
	case v.part != nil && !v.part.turn():
		v.part.held = append(v.part.held, e)
	default:
		v.print(e)
	}
}

// print needs mu.
func (s *screen) print(e Event) {
	s.wipe()
	w := s.out
	if e.Type == ErrorType {
		w = s.err
	}
	if !strings.HasSuffix(e.Text, "\n") {
		e.Text += "\n"
	}
	_, _ = io.WriteString(w, e.Text)
}

func (s *screen) emitJSON(e Event) {
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
		b, _ = json.Marshal(map[string]string{"type": ErrorType, "text": err.Error()})
	}
	_, _ = fmt.Fprintf(s.out, "%s\n", b)
}

// Progress shows what takes long. On a terminal it is one line that the next
// one replaces; on a pipe nothing; in JSON an event.
func (v *View) Progress(host, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.json:
		v.emitJSON(Event{Type: "progress", Host: host, Text: text})
	case !v.tty:
	case v.part != nil:
		v.part.doing = host + ": " + Safe(text)
		v.status(v.part.board.status())
	default:
		v.status(host + ": " + Safe(text))
	}
}

// status replaces the progress line.
func (s *screen) status(line string) {
	s.wipe()
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 8 {
		if r := []rune(line); len(r) >= w {
			line = string(r[:w-1])
		}
	}
	s.line = len(line)
	_, _ = fmt.Fprint(s.out, line)
}

// wipe clears the progress line.
func (s *screen) wipe() {
	if s.line > 0 {
		_, _ = fmt.Fprint(s.out, "\r\x1b[K")
		s.line = 0
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
func (s *screen) paint(colour, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// ErrorType is the type of events that tell of an error.
const ErrorType = "error"

// Error shows an error: on a terminal in red.
func (v *View) Error(host string, err error, data any) {
	prefix := "error: "
	if host != "" {
		prefix = host + ": error: "
	}
	if v.ErrorColour() {
		prefix = "\x1b[" + red + "m" + prefix + "\x1b[0m"
	}
	if data == nil {
		data = map[string]string{"text": err.Error()}
	}
	v.Emit(Event{Type: ErrorType, Host: host, Text: prefix + Printable(err.Error()), Data: data})
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
