package main

import (
	"fmt"
	"strings"
	"testing"
)

// budgetProject has a host with n files, each with a text.
func budgetProject(n int, text, settings string) string {
	var b strings.Builder
	b.WriteString(settings + "\nhost \"standby\" { ssh = \"root@standby\" }\n\noverlay \"host\" \"standby\" {\n  file \"/etc/house.d\" { type = \"directory\" }\n")
	for i := range n {
		fmt.Fprintf(&b, "  file \"/etc/house.d/%d\" { content = %q }\n", i, text)
	}
	b.WriteString("}\n")
	return b.String()
}

// TestLabBudget: what a source has lost is not deleted by the hundred because
// nobody looked; and --yes is no look.
func TestLabBudget(t *testing.T) {
	const files = 30
	l := newProject(t, budgetProject(files, "one\n", ""))
	l.reset("standby")
	l.ok("apply", "standby", "--yes")
	left := func() string { return strings.TrimSpace(l.exec("standby", "ls /etc/house.d | wc -l")) }

	// Files vanish from what is wished: more than is done without a word.
	l.write("hikae.hcl", budgetProject(0, "", ""))
	r := l.hikae("apply", "standby", "--yes")
	if r.code != exitRefused || !strings.Contains(r.errOut, "30 deletions (at most 25)") || !strings.Contains(r.errOut, "--over-budget") || !strings.Contains(r.out, "over budget: 30 deletions (at most 25)") {
		t.Errorf("exit %d: %s%s", r.code, tail(r.out), r.errOut)
	}
	events, code := l.events("apply", "standby", "--yes")
	if b := events["budget"]; code != exitRefused || len(b) != 1 || b[0]["host"] != "standby" || b[0]["deletions"] != 30.0 || b[0]["deletion_budget"] != 25.0 {
		t.Errorf("exit %d: %v", code, events["budget"])
	}
	answer := func(text string) result {
		return l.runEnv([]string{"TERM=xterm"}, "sh", "-c", "echo "+text+" | script -qec '"+l.bin+" -C "+l.dir+" apply standby' /dev/null")
	}
	if r := answer("yes"); r.code != exitRefused || !strings.Contains(r.out, "Type over budget") {
		t.Errorf("exit %d: %q", r.code, tail(r.out))
	}
	if got := left(); got != "30" {
		t.Fatalf("%s files are left", got)
	}
	if r := answer("over budget"); r.code != exitOK {
		t.Errorf("exit %d: %q", r.code, tail(r.out))
	}
	if got := left(); got != "0" {
		t.Errorf("%s files are left", got)
	}

	// Nor is everything overwritten; the project says how much is much.
	few := "hikae {\n  budget { modifications = 2 }\n}"
	l.write("hikae.hcl", budgetProject(3, "one\n", few))
	l.ok("apply", "standby", "--yes")
	l.write("hikae.hcl", budgetProject(3, "encrypted\n", few))
	if r := l.hikae("apply", "standby", "--yes"); r.code != exitRefused || !strings.Contains(r.errOut, "3 files overwritten (at most 2)") {
		t.Errorf("exit %d: %s", r.code, r.errOut)
	}
	if got := l.exec("standby", "cat /etc/house.d/*"); got != "one\none\none\n" {
		t.Errorf("the files are %q", got)
	}
	l.ok("apply", "standby", "--yes", "--over-budget")
	if got := l.exec("standby", "cat /etc/house.d/0"); got != "encrypted\n" {
		t.Errorf("the files are %q", got)
	}
}
