package crontab_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hikae/engine/lens/crontab"
	"hikae/modules/lenstest"
)

// TestLabCrontab compares what is refused with crontab -n of the lab. That is
// Debian's cron: what cronie alone takes (~, fri-sun, steps beyond the range, a
// range that is upside down, a minus sign before a job, an empty value) and what it
// alone refuses (nothing behind the time, a last line without an end) is not among
// the files.
func TestLabCrontab(t *testing.T) {
	fields := []string{"*", "1", "0-5", "*/2", "1-5/2", "1,2", "0", "7", "13", "24", "32", "60", "x", "jan", "Mon", "*/0", "a-b", "1-", "-1", ",", "1,,2"}
	lines := []string{"# c", "", "  # c", " \t", "A=b", "A = b", "'A B' = c", "A=\"b\"", "A=\"b\" c", "A='b", "A B=c", "@daily x", "@often x", "1 2 3", "* * * * * x % y", "FOO", " \"A\"=b"}
	r := rand.New(rand.NewPCG(7, 7))
	files := map[string]string{}
	for i := range 400 {
		var b strings.Builder
		for range r.IntN(3) {
			b.WriteString(lines[r.IntN(len(lines))] + "\n")
		}
		if i%2 == 0 {
			for range 5 {
				f := fields[r.IntN(len(fields))]
				if r.IntN(4) > 0 {
					f = fields[r.IntN(4)]
				}
				b.WriteString(f + " ")
			}
			b.WriteString("do it\n")
		}
		files[fmt.Sprintf("f%03d", i)] = b.String()
	}
	out := lenstest.Daemon(t, files, `for f in *; do crontab -n "$f" >/dev/null 2>&1 && echo "$f yes" || echo "$f no"; done`)
	refused := 0
	for line := range strings.Lines(out) {
		name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, err := crontab.Parse([]byte(files[name]))
		if (said == "yes") != (err == nil) {
			t.Errorf("%q: crontab says %s; here: %v", files[name], said, err)
		}
		if err != nil {
			refused++
		}
		delete(files, name)
	}
	if len(files) > 0 || refused < 50 {
		t.Errorf("%d files without an answer, %d refused", len(files), refused)
	}
}
