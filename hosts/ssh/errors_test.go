package ssh

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// Of a crash the reason is kept, however long the trace is, and shown without it.
func TestLastWords(t *testing.T) {
	said := newTail(slog.New(slog.DiscardHandler))
	_, _ = io.WriteString(said, "fatal error: out of luck\n\ngoroutine 1 [running]:\n")
	for i := range 1000 {
		fmt.Fprintf(said, "\t/src/file.go:%d +0x1\n", i)
	}
	if got := lastWords(said.String()); !strings.HasPrefix(got, "fatal error: out of luck\n(") || strings.Contains(got, "file.go") {
		t.Errorf("got %q", got)
	}
	if got := said.String(); !strings.Contains(got, "file.go:0 ") || !strings.Contains(got, "file.go:999 ") || len(got) > longestHead+longestTail+10 {
		t.Errorf("%d bytes: %.200q", len(got), got)
	}
	if got := lastWords("one line"); got != "one line" {
		t.Errorf("got %q", got)
	}
}

func TestFullProcessTable(t *testing.T) {
	c := &Conn{s: &settings{user: "root"}, target: Target{Host: "box"}}
	for _, said := range []string{
		"/bin/sh: fork: retry: Resource temporarily unavailable\n/bin/sh: fork: Resource temporarily unavailable",
		"sh: 1: Cannot fork", "runtime: failed to create new OS thread (have 6 already; errno=11)\n\ngoroutine 1",
	} {
		if err := c.explain(2, said); !strings.Contains(err.Error(), "its process table is full") || !strings.Contains(err.Error(), "TasksMax") {
			t.Errorf("%q: %v", said, err)
		}
	}
}
