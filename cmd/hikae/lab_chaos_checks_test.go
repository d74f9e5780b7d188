package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// quiet waits until the follower says that it is in step, after one more change
// of each sort, and returns how long that took.
func (c *chaos) quiet() time.Duration {
	c.t.Helper()
	c.may(c.from, chaosMend+"; rm -f "+chaosFill+"*")
	// A httpd that was just started would die of a reload: it has no handler for that signal yet.
	c.exec(c.from, `systemctl reset-failed; systemctl start sshd; if systemctl is-active -q httpd; then systemctl reload httpd; else systemctl start httpd; fi
		rm -f /etc/passwd.lock /etc/shadow.lock /etc/group.lock /etc/gshadow.lock # of a useradd that lost power
		find `+chaosConf+` -name .new.swp -delete # an editor's, which mv could not put over a directory
		echo the last >`+chaosConf+`/last; echo the last >`+chaosData+`/last`)
	defer func() {
		if c.t.Failed() { // and so what follows is not reached
			c.sameTrees(chaosConf, timeOfFile)
			c.sameTrees(chaosData, nil)
		}
	}()
	began := time.Now()
	for _, p := range []string{chaosConf + "/last", chaosData + "/last"} {
		c.within(chaosPatience, p+" on "+c.to, func() string {
			if b, err := os.ReadFile(c.at(c.to, p)); err != nil || string(b) != "the last\n" {
				return fmt.Sprintf("%q, %v", b, err)
			}
			return ""
		})
	}
	c.inStepWithin(chaosPatience)
	return time.Since(began)
}

// chaosPatience is how long hikae may take to recover from all of it: its waits
// between two tries grow to a minute.
const chaosPatience = 5 * time.Minute

// chaosOwn are the follower's own files, which the primary never had.
var chaosOwn = []string{chaosConf + "/own of the follower", chaosData + "/own of the follower", chaosData + "/.own/deep/down", "/etc/own-of-the-follower"}

// equal wants the hosts to be as one, by what does not ask hikae.
func (c *chaos) equal() {
	c.t.Helper()
	for _, p := range chaosOwn {
		if b, err := os.ReadFile(c.at(c.to, p)); err != nil || string(b) != "own\n" {
			c.t.Errorf("the follower's own %s: %q, %v", p, b, err)
		}
	}
	c.sameTrees(chaosConf, timeOfFile)
	c.sameTrees(chaosData, nil)
	for what, script := range map[string]string{
		"people":   `{ getent passwd; getent group; cat /etc/shadow /etc/gshadow; } | grep ^chaos | sed -E 's/^([^:]*):!+:.*:.*:.*:.*/\1 has no password/' | sort`,
		"packages": `for p in ` + strings.Join(chaosRPMs, " ") + `; do rpm -q $p; done; true`,
		"units":    `cd /etc/systemd/system && ls | grep ^chaos; for u in chaos0 chaos1 chaos2; do s=$(systemctl is-enabled $u); echo $u $s; [ "$s" != enabled ] || systemctl is-active $u; done; true`, // one that is not enabled is not stopped on a follower
		"httpd":    `cd /etc/httpd/conf.d && sha256sum chaos*; systemctl is-active httpd; for p in 0 1 2; do curl -s -o /dev/null -w '%{redirect_url}\n' http://localhost/chaos; done`,
	} {
		if a, b := c.exec(c.from, script), c.exec(c.to, script); a != b {
			c.t.Errorf("%s of %s:\n%sof %s:\n%s", what, c.from, a, c.to, b)
		}
	}
	differs, err := os.ReadFile(filepath.Join(c.root, "testdata", "lab", "lib", "differs"))
	if err != nil {
		c.t.Fatal(err)
	}
	allow := filepath.Join(c.t.TempDir(), "differs")
	// Marks are by each host's policy; who runs on the follower alone is hikae itself,
	// and what was not enabled any more when it was stopped.
	more := "\n[any]\nxattr (" + chaosConf + "|" + chaosData + "|/etc/systemd/system|/etc/httpd/conf\\.d|/etc/sysctl\\.d)/.*\nactive (hikae|chaos).*\nenabled (hikae|session-).*\n"
	if err := os.WriteFile(allow, append(differs, more...), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.same(c.settled(c.from), c.facts(c.to), "--allow", allow, "--role", "standby", "--extra-in-b")
}

// timeOfFile is the time in a line of a file of testdata/lab/tree.
var timeOfFile = regexp.MustCompile(`(\tf\t\S+ \S+ \S+ \d+ )\d+`)

// sameTrees wants a tree of both hosts to be equal, but for what is the
// follower's own; what without matches is no difference.
func (c *chaos) sameTrees(top string, without *regexp.Regexp) {
	c.t.Helper()
	tree := func(host string) []string {
		r := c.run("testdata/lab/tree", host, top, `own of the follower|\.own|(.*/)?\.new\.swp|(.*/)?\.hikae\.[^/]*`) // what a killed writer left goes with the next audit
		if r.code != 0 {
			c.t.Fatal(r.errOut)
		}
		text := r.out
		if without != nil {
			text = without.ReplaceAllString(text, "$1-")
		}
		return lines(text)
	}
	a, b := tree(c.from), tree(c.to)
	c.count["paths equal at the end in "+top] = len(a)
	var differ []string
	for _, line := range a {
		if !slices.Contains(b, line) {
			differ = append(differ, "- "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			differ = append(differ, "+ "+line)
		}
	}
	if len(differ) > 0 {
		slices.SortFunc(differ, func(x, y string) int { return strings.Compare(x[2:], y[2:]) })
		c.t.Errorf("%s of %s (-) and of %s (+) differ in %d lines:\n%s", top, c.from, c.to, len(differ), strings.Join(differ[:min(len(differ), 40)], "\n"))
	}
}

// sizes are the memory and the open files of hikae's processes, by process.
type sizes struct {
	last time.Time
	of   map[string][]size
}

// size is what one process held at a moment; its age tells warming up from
// growing.
type size struct{ age, kib, files int }

// What a process may hold however long it runs, and grow by once it is warm.
const (
	chaosMostKiB, chaosMostFiles = 256 << 10, 128
	chaosWarm                    = 20 // seconds
	chaosGrowKiB, chaosGrowFiles = 32 << 10, 48
)

const chaosSizes = `for p in $(pgrep -f '` + chaosAgents + `|` + chaosWatch + `'); do
	echo $p $(ps -o lstart= -p $p | tr ' ' _) $(ps -o etimes= -p $p) $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$p/status) $(ls /proc/$p/fd | wc -l)
done 2>/dev/null; true`

// sample looks at them, at most every other second.
func (s *sizes) sample(c *chaos) {
	c.t.Helper()
	if time.Since(s.last) < 2*time.Second {
		return
	}
	s.last = time.Now()
	for _, host := range []string{c.from, c.to} {
		if c.off(host) {
			continue
		}
		r := c.run("testdata/lab/lab", "exec", host, "--", "sh", "-c", chaosSizes)
		for line := range strings.Lines(r.out) {
			var pid, start string
			var z size
			if n, _ := fmt.Sscan(line, &pid, &start, &z.age, &z.kib, &z.files); n == 5 {
				who := host + " " + pid + " " + start
				s.of[who] = append(s.of[who], z)
			}
		}
	}
}

// flat wants no process of hikae's to have grown.
func (c *chaos) flat() {
	c.t.Helper()
	c.sizes.last = time.Time{}
	c.sizes.sample(c)
	var most, grown size
	samples := 0
	for who, all := range c.sizes.of {
		samples += len(all)
		var warm *size
		for _, z := range all {
			most.kib, most.files = max(most.kib, z.kib), max(most.files, z.files)
			if warm == nil && z.age >= chaosWarm {
				warm = &z
			}
		}
		// At the end all is quiet, as it was when the process was warm.
		last := all[len(all)-1]
		if warm != nil {
			grown.kib, grown.files = max(grown.kib, last.kib-warm.kib), max(grown.files, last.files-warm.files)
		}
		if most.kib > chaosMostKiB || most.files > chaosMostFiles || warm != nil && (last.kib > warm.kib+chaosGrowKiB || last.files > warm.files+chaosGrowFiles) {
			c.t.Errorf("process %s: %v", who, all)
		}
	}
	c.t.Logf("%d samples of %d processes: at most %d MiB and %d files; at the end at most %d MiB and %d files more than when it was %d s old",
		samples, len(c.sizes.of), most.kib>>10, most.files, grown.kib>>10, grown.files, chaosWarm)
	if samples == 0 {
		c.t.Error("no process of hikae's was seen")
	}
}
