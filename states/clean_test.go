package states

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a generation or a record names stays, wherever it stands in it, and what nobody has put or
// asked for in a month goes.
func TestClean(t *testing.T) {
	s := open(t)
	now := time.Now()
	id := func(c string) string { return strings.Repeat(c, 64) }
	all := []string{id("a"), id("b"), id("b") + ".age", id("c") + ".age", id("d"), id("1"), id("e"), id("f") + ".age"}
	for _, name := range all {
		if err := s.Blobs.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.WriteSnapshot("rio1", now, "", map[string][]byte{"files.lock": []byte("0 id=" + id("a") + "\nfile x " + id("b") + ":1"), "deep/x.hcl": []byte(`password = "sealed:` + id("c") + `:106"`)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(Base, "rio2", []byte(`{"last": "`+id("1")+`"}`)); err != nil {
		t.Fatal(err)
	}
	clean := func(now time.Time) []string {
		t.Helper()
		if _, err := s.Clean(t.Context(), now, []byte("more "+id("d")+"\n"+id("e")+"0\n")); err != nil {
			t.Fatal(err)
		}
		there, err := filepath.Glob(filepath.Join(s.dir, ".store", "blobs", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range there {
			there[i] = filepath.Base(there[i])
		}
		return there
	}
	if got := clean(now.Add(29 * 24 * time.Hour)); len(got) != len(all) {
		t.Errorf("in a month: %v", got)
	}
	if got := clean(now.Add(29*24*time.Hour + time.Hour)); len(got) != len(all) {
		t.Errorf("an hour later: %v", got)
	}
	if got := clean(now.Add(31 * 24 * time.Hour)); !slices.Equal(got, slices.Sorted(slices.Values(all[:6]))) {
		t.Errorf("after a month: %v", got)
	}

	// Cut short nobody knows what is named.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Clean(ctx, now.Add(60*24*time.Hour)); err == nil {
		t.Error("no error")
	}
	if got := clean(now.Add(60 * 24 * time.Hour)); len(got) != 6 {
		t.Errorf("after that: %v", got)
	}
}
