package hosttest

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"hikae/hosts"
)

func file(size int) hosts.Node {
	return hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(size)}}
}

func TestHostIsWhatWasSet(t *testing.T) {
	h := New(t)
	h.SetUnits(hosts.Unit{Name: "httpd.service", File: "enabled"})
	h.OnRun(func(context.Context, hosts.Cmd) (hosts.Result, error) {
		h.SetUnits()
		return hosts.Result{Code: 3}, nil
	})
	ctx := context.Background()
	if units, err := h.Units(ctx); err != nil || len(units) != 1 {
		t.Errorf("%v, %v", units, err)
	}
	if res, err := h.Run(ctx, hosts.Cmd{Argv: []string{"systemctl", "disable", "httpd"}}); err != nil || res.Code != 3 {
		t.Errorf("%+v, %v", res, err)
	}
	if units, err := h.Units(ctx); err != nil || len(units) != 0 {
		t.Errorf("%v, %v", units, err)
	}
	if runs := h.Runs(); len(runs) != 1 || runs[0].Argv[1] != "disable" {
		t.Errorf("%v", runs)
	}
	if f := h.Facts(); f.ID != "rocky" || f.VersionID != "8.10" || f.Systemd || f.Policy != "" {
		t.Errorf("%+v", f)
	}
	h.Write("/etc/x", "text")
	if n, err := h.Stat("/etc/x"); err != nil || n.Owner != "root" || n.Content.Size != 4 {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestFaults(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		fault        Fault
		err          error
		first        bool // was the broken write done
		second       bool // and the one after it
		temps        int
		discardWorks bool
	}{
		{Fail, ErrInjected, false, true, 0, true},
		{Stop, ErrStopped, false, false, 1, false},
		{StopAfter, ErrStopped, true, false, 1, false},
		{Torn, ErrStopped, false, false, 2, false},
	} {
		h := New(t)
		f := NewFaulty(h)
		staged, err := f.Stage(ctx, "/etc/staged", file(1), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		f.At(1, tt.fault)
		if err := f.Put(ctx, "/etc/one", file(4), strings.NewReader("text")); !errors.Is(err, tt.err) {
			t.Errorf("%d: %v", tt.fault, err)
		}
		if err := f.Put(ctx, "/etc/two", file(4), strings.NewReader("text")); (err == nil) != tt.second {
			t.Errorf("%d: the second: %v", tt.fault, err)
		}
		if err := staged.Discard(); (err == nil) != tt.discardWorks {
			t.Errorf("%d: discard: %v", tt.fault, err)
		}
		for p, want := range map[string]bool{"/etc/one": tt.first, "/etc/two": tt.second} {
			if _, err := h.Stat(p); (err == nil) != want || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d: %s: %v", tt.fault, p, err)
			}
		}
		removed, err := h.CleanTemps(ctx, []string{"/etc"})
		if err != nil || len(removed) != tt.temps {
			t.Errorf("%d: temporary files %v, %v; want %d", tt.fault, removed, err, tt.temps)
		}
		if f.Writes() != 3 {
			t.Errorf("%d: %d writes", tt.fault, f.Writes())
		}
	}
}

// A file is read whole or not at all.
func TestReadFile(t *testing.T) {
	h := New(t)
	h.Write("/etc/motd", "12345")
	for limit, ok := range map[int64]bool{4: false, 5: true, 6: true} {
		b, err := hosts.ReadFile(h, "/etc/motd", limit)
		if (err == nil) != ok || ok && string(b) != "12345" {
			t.Errorf("at most %d bytes: %q, %v", limit, b, err)
		}
	}
	if _, err := hosts.ReadFile(h, "/etc/none", 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
