package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// logs is how what is done by itself is told: in lines of text, to the journal each
// with its priority; or, with --json, an object each.
func (a *app) logs() *slog.Logger {
	switch {
	case a.json:
		return slog.New(slog.NewJSONHandler(a.out, nil))
	case toJournal(a.err):
		return slog.New(newJournalHandler(a.err))
	}
	return slog.New(slog.NewTextHandler(a.err, nil))
}

// toJournal reports whether what is written there goes straight to the journal
// (systemd.exec(5), JOURNAL_STREAM: the device and inode of the stream).
func toJournal(w io.Writer) bool {
	var dev, ino uint64
	if n, _ := fmt.Sscanf(os.Getenv("JOURNAL_STREAM"), "%d:%d", &dev, &ino); n != 2 {
		return false
	}
	f, is := w.(*os.File)
	if !is {
		return false
	}
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Dev == dev && st.Ino == ino
}

// journalHandler writes lines with a priority before them, as sd-daemon(3) has it.
// The journal knows the time itself.
type journalHandler struct {
	slog.Handler // writes to line
	out          *journalOut
}

type journalOut struct {
	mu   sync.Mutex
	line bytes.Buffer
	w    io.Writer
}

func newJournalHandler(w io.Writer) slog.Handler {
	out := &journalOut{w: w}
	return journalHandler{slog.NewTextHandler(&out.line, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	}), out}
}

// Handle writes a record. Its text has no line's end but the last: the text handler
// quotes.
func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.line.Reset()
	h.out.line.WriteString(priority(r.Level))
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	_, err := h.out.w.Write(h.out.line.Bytes())
	return err
}

// priority is a level as syslog(3) counts.
func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

// WithAttrs and WithGroup keep the priority.
func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(attrs), h.out}
}

// WithGroup is WithAttrs's fellow.
func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.out}
}
