package ssh

import (
	"fmt"
	"strings"
)

// The scripts below are single lines without single quotes, exclamation marks
// or backslashes, so that any login shell passes them on to sh as they are.

// The lines with which a script ends that has not become the agent.
const (
	markPush    = "hikae-push"    // and uname -m: nothing is there that could be run
	markNoCache = "hikae-nocache" // no directory can hold a program that runs
)

// startScript becomes the agent: from the cache, where one of the hashes is
// there, else the installed one. What is in the cache runs only where directory
// and file are root's own, of mode 0700 and no links (stat's %f: 41c0 is such a
// directory, 81c0 such a file), and where it still has its hash.
//
// Hashing it costs more than most plans. So what was hashed is noted beside it
// as .HASH: its device, inode, size and times, which no write leaves as they
// are. The note is the directory's owner's, as the program is.
func startScript(hashes []string, cached, installed bool) string {
	var b strings.Builder
	if cached && len(hashes) > 0 {
		fmt.Fprintf(&b, "for d in %s; do for h in %s; do f=$d/$h; ", strings.Join(cacheDirs(), " "), strings.Join(hashes, " "))
		// A noexec mount makes -x false; -O holds for files of root alone.
		b.WriteString(`if [ -x "$f" ] && [ -O "$f" ] && [ -O "$d" ]; then `)
		// One stat of both: a process costs a millisecond.
		fmt.Fprintf(&b, `set -- $(stat -c "%%f %s" "$d" "$f"); if [ "$1 ${%d}" = "41c0 81c0" ]; then `, asIs, 2+asIsWords)
		fmt.Fprintf(&b, `shift %d; n=; if`, 1+asIsWords)
		b.WriteString(` [ -f "$d/.$h" ] && [ -O "$d/.$h" ]; then read -r n < "$d/.$h"; fi; `)
		// One whose ctime is of this second may be written again within it.
		fmt.Fprintf(&b, `if [ "$n" = "$*" ]; then exec "$f" %[1]s; fi; s=$(sha256sum < "$f"); if [ "${s%%%% *}" = $h ]; then `+
			`(umask 077; t=$(date +%%s); if [ $t -gt $(($(stat -c %%Z "$f") + 2)) ]; then rm -f "$d/.$h"; echo "$*" > "$d/.$h"; fi) 2>/dev/null; exec "$f" %[1]s; fi; fi; fi; `, AgentCommand)
		b.WriteString("done; done; ")
	}
	if installed {
		fmt.Fprintf(&b, "if [ -x %s ]; then exec %s %s; fi; ", InstalledBinary, InstalledBinary, AgentCommand)
	}
	fmt.Fprintf(&b, "echo %s $(uname -m)", markPush)
	return b.String()
}

// asIs is the format by which stat tells whether a file is as it was: device,
// inode, size, and both times to the nanosecond.
const asIs = "%D %i %s %y %z"

// asIsWords is of how many words that is: a time is a date, a time and a zone.
const asIsWords = 3 + 2*3

// installScript moves an uploaded program to the cache and becomes the agent.
// The copy is hashed after it is out of reach of the user who uploaded it.
func installScript(uploaded, hash string) string {
	steps := []string{
		"umask 077",
		fmt.Sprintf("for d in %s", strings.Join(cacheDirs(), " ")),
	}
	body := []string{
		`mkdir -p "$d" 2>/dev/null || continue`,
		`[ -L "$d" ] && continue`,
		`[ -O "$d" ] || continue`,
		`chmod 0700 "$d" || continue`,
		`find "$d" -name ".push.*" -mmin +60 -delete 2>/dev/null`,
		`t=$d/.push.$$`,
		fmt.Sprintf(`if cat < "%s" > "$t" && chmod 0700 "$t" && [ -x "$t" ]; then :; else rm -f "$t"; continue; fi`, uploaded),
		`s=$(sha256sum < "$t")`,
		fmt.Sprintf(`if [ "${s%%%% *}" = %s ]; then :; else rm -f "$t"; echo "what arrived has another hash" >&2; exit 65; fi`, hash),
		`sync "$t"`,
		fmt.Sprintf(`mv -f "$t" "$d/%s" || continue`, hash),
		`sync "$d"`,
		// What older versions left: the three newest stay, this one among them.
		`ls -1t "$d" | tail -n +4 | while read -r o; do rm -f "$d/$o" "$d/.$o"; done`,
		fmt.Sprintf(`rm -f "%s"`, uploaded),
		fmt.Sprintf(`exec "$d/%s" %s`, hash, AgentCommand),
	}
	return strings.Join(steps, "; ") + "; do " + strings.Join(body, "; ") + "; done; " +
		fmt.Sprintf(`rm -f "%s"; echo %s`, uploaded, markNoCache)
}

// asRoot wraps a script for a login as user. Where that is not root, sudo -n
// becomes root: by the rule for the installed agent alone where there is one
// and it may be used, else by a rule for everything.
func asRoot(script, user string, installed bool) string {
	if user == "root" {
		return fmt.Sprintf("exec /bin/sh -c '%s'", script)
	}
	outer := `export LC_ALL=C; if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$1"; fi; `
	if installed {
		outer += fmt.Sprintf("if [ -x %[1]s ] && sudo -n -l %[1]s %[2]s >/dev/null 2>&1; then exec sudo -n %[1]s %[2]s; fi; ",
			InstalledBinary, AgentCommand)
	}
	outer += `exec sudo -n /bin/sh -c "$1"`
	return fmt.Sprintf("exec /bin/sh -c '%s' hikae '%s'", outer, script)
}
