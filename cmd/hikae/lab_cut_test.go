package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLabLinkCut cuts hosts off at random moments of plans, applies and
// snapshots: within 30 s there is a clear error, and when the link is mended the
// next run goes on. make soak has it do so at many moments; HIKAE_CUT_POINTS is
// how many, HIKAE_CUT_SEED repeats a run.
func TestLabLinkCut(t *testing.T) {
	points, seed := number(t, "HIKAE_CUT_POINTS", 5), number(t, "HIKAE_CUT_SEED", int(time.Now().UnixNano()%1e9))
	t.Logf("seed %d: %d moments", seed, points)
	all := []string{"standby", "vps", "fresh"}
	onLab(t)
	var wg sync.WaitGroup // side by side: each waits most of the time to find out that its link is dead
	for i, host := range all {
		mine := (points + len(all) - 1 - i) / len(all)
		wg.Go(func() {
			t.Run(host, func(t *testing.T) {
				c := newCutting(t, host, rand.New(rand.NewPCG(uint64(seed), uint64(i))))
				for range mine {
					c.point()
				}
			})
		})
	}
	wg.Wait()
}

// cutting is a run of many moments on one host.
type cutting struct {
	*lab
	host  string
	rng   *rand.Rand
	takes map[string]time.Duration // how long a command takes, undisturbed
	lag   time.Duration            // how long it takes to cut a link
	texts int
}

func newCutting(t *testing.T, host string, rng *rand.Rand) *cutting {
	t.Helper()
	c := &cutting{lab: newProject(t, "host \""+host+"\" { ssh = \"root@"+host+"\" }\n"), host: host, rng: rng, takes: map[string]time.Duration{}}
	t.Cleanup(func() {
		c.lab.lab("mend", host)
		c.exec(host, "rm -rf /etc/house.d")
	})
	began := time.Now()
	c.lab.lab("mend", host)
	c.lag = time.Since(began)
	for _, command := range []string{"apply", "apply", "plan", "snapshot"} {
		c.describe()
		began := time.Now()
		c.ok(c.args(command)...)
		c.takes[command] = time.Since(began)
	}
	c.ok(c.args("apply")...)
	return c
}

func (c *cutting) args(command string) []string {
	if command == "apply" {
		return []string{command, c.host, "--yes"}
	}
	return []string{command, c.host}
}

const cutFiles = 40

// describe has the host want files that it does not have.
func (c *cutting) describe() {
	c.t.Helper()
	c.texts++
	var b strings.Builder
	fmt.Fprintf(&b, "overlay \"host\" %q {\n  file \"/etc/house.d\" { type = \"directory\" }\n", c.host)
	for i := range cutFiles {
		fmt.Fprintf(&b, "  file \"/etc/house.d/%d\" { content = %q }\n", i, c.text(c.texts))
	}
	b.WriteString("}\n")
	c.write("overlay.hcl", b.String())
}

func (c *cutting) text(n int) string { return strings.Repeat(fmt.Sprintf("text %d\n", n), 500) }

// files wants every file to have one of the texts that it was ever to have, and
// nothing beside them: none, or the last where all is done.
func (c *cutting) files(done bool) {
	c.t.Helper()
	sums := map[string]int{}
	for line := range strings.Lines(c.exec(c.host, "cd /etc/house.d && sort -u -m [0-9]* >/dev/null; for f in $(ls -A); do echo $f $(wc -c <$f) $(uniq $f | tr ' ' _ | paste -sd,); done")) {
		sums[strings.Join(strings.Fields(line)[1:], " ")]++
	}
	total := 0
	for sum, n := range sums {
		total += n
		size, text, _ := strings.Cut(sum, " ")
		var is int
		if _, err := fmt.Sscanf(text, "text_%d", &is); err != nil || strings.Contains(text, ",") || size != strconv.Itoa(len(c.text(is))) || done && is != c.texts {
			c.t.Errorf("%s: %d files are %q", c.host, n, sum)
		}
	}
	if total != cutFiles {
		c.t.Errorf("%s: %d files, want %d", c.host, total, cutFiles)
	}
}

var cutClear = regexp.MustCompile(`connection lost|cannot reach 10\.98\.0\.1|nothing was heard of it for 20s; is the host cut off`)

func (c *cutting) point() {
	c.t.Helper()
	command := []string{"apply", "apply", "plan", "snapshot"}[c.rng.IntN(4)]
	moment := time.Duration(c.rng.Int64N(int64(c.takes[command])))
	c.describe()
	cmd := exec.CommandContext(c.t.Context(), c.bin, append([]string{"-C", c.dir}, c.args(command)...)...)
	cmd.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+c.sshConf)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	time.Sleep(max(0, moment-c.lag))
	c.lab.lab("cut", c.host)
	began := time.Now()
	_ = cmd.Wait()
	took, code := time.Since(began), cmd.ProcessState.ExitCode()
	c.t.Logf("%s cut off %v into %s: exit %d %v later", c.host, moment.Round(time.Millisecond), command, code, took.Round(time.Millisecond))
	if took > 30*time.Second {
		c.t.Errorf("%v until the end", took)
	}
	if code != exitOK && (code != exitError || !cutClear.MatchString(said.String())) {
		c.t.Errorf("exit %d: %s", code, said.String())
	}
	c.lab.lab("mend", c.host)
	c.files(false)
	c.goesOn(command)
}

// goesOn wants the next run to do what the one that was cut off did not.
func (c *cutting) goesOn(command string) {
	c.t.Helper()
	if command == "snapshot" {
		c.ok("snapshot", c.host)
		c.ok("show", c.host, "file:/etc/house.d/1")
		if left, err := filepath.Glob(filepath.Join(c.dir, "states", ".store", "tmp", "*")); err != nil || len(left) > 0 {
			c.t.Errorf("left lying in the store: %v %v", left, err)
		}
	}
	// The agent of before may not know yet that nobody listens to it.
	r := c.hikae("apply", c.host, "--yes")
	for deadline := time.Now().Add(30 * time.Second); r.code == exitRefused && strings.Contains(r.errOut, "hikae process") && time.Now().Before(deadline); {
		r = c.hikae("apply", c.host, "--yes")
	}
	if r.code != exitOK {
		c.t.Fatalf("the next apply: exit %d: %s", r.code, r.errOut)
	}
	c.files(true)
	c.inStep(c.host)
}
