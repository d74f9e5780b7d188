package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLabKill kills, at random moments, the agent, the controller, dnf and the
// host itself in the middle of applies that flip the standby between described
// states, and applies again. What then stands there is asked of the host's own
// programs. make soak makes many points of it.
//
// HIKAE_KILL_POINTS and HIKAE_KILL_POWER are how many kills and power cuts
// there are, HIKAE_KILL_SEED repeats a run.
func TestLabKill(t *testing.T) {
	points, power := number(t, "HIKAE_KILL_POINTS", 12), number(t, "HIKAE_KILL_POWER", 2)
	seed := uint64(number(t, "HIKAE_KILL_SEED", int(time.Now().UnixNano()%1e9)))
	t.Logf("seed %d: %d kills, %d power cuts", seed, points, power)
	t.Run("killed", func(t *testing.T) {
		newKilling(t, seed, "dir").points(points, []string{"agent", "agent", "controller"})
	})
	t.Run("without power", func(t *testing.T) {
		newKilling(t, seed+1, "loop").points(power, []string{"power"})
	})
}

// number is what an environment variable says, or def.
func number(t *testing.T, env string, def int) int {
	t.Helper()
	if os.Getenv(env) == "" {
		return def
	}
	n, err := strconv.Atoi(os.Getenv(env))
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

const killProject = `host "standby" { ssh = "root@standby" }

overlay "host" "standby" {
  file "/etc/kill-stays" { content = "whatever else goes\n" }
}
`

// killing is a run of many points on one host.
type killing struct {
	*lab
	rng   *rand.Rand
	sorts []*killSort
	now   map[string]string        // what is described, by sort: "" for nothing
	takes map[string]time.Duration // how long an apply of it takes
	count map[string]int
	said  string // by the apply that was cut off, and by those after it
}

func newKilling(t *testing.T, seed uint64, disk string) *killing {
	t.Helper()
	k := &killing{
		lab: newProject(t, killProject), rng: rand.New(rand.NewPCG(seed, 0)),
		sorts: killSorts(), now: map[string]string{}, takes: map[string]time.Duration{}, count: map[string]int{},
	}
	k.lab.lab("disk", "standby", disk)
	k.lab.lab("up", "standby")
	t.Cleanup(func() { k.lab.lab("disk", "standby", "dir") })
	for _, s := range k.sorts { // how long they take, undisturbed
		k.describe(s, "A")
		began := time.Now()
		k.ok("apply", "standby", "--yes")
		k.takes[s.name] = time.Since(began)
	}
	k.are("undisturbed")
	return k
}

// describe writes what a sort should be from now on.
func (k *killing) describe(s *killSort, variant string) {
	k.t.Helper()
	k.now[s.name] = variant
	k.write(s.name+".hcl", "")
	if variant != "" {
		k.write(s.name+".hcl", "overlay \"host\" \"standby\" {\n"+s.hcl(variant)+"}\n")
	}
}

func (k *killing) points(n int, kills []string) {
	k.t.Helper()
	began := time.Now()
	for i := range n {
		s := k.pick()
		from, to := k.now[s.name], k.other(k.now[s.name])
		kill := kills[k.rng.IntN(len(kills))]
		if s.name == "packages" && kill == "agent" && k.rng.IntN(2) == 0 {
			kill = "dnf"
		}
		delay := time.Duration(k.rng.Float64() * float64(k.takes[s.name]))
		what := fmt.Sprintf("point %d: %s from %q to %q, %s after %d ms", i+1, s.name, from, to, kill, delay.Milliseconds())
		k.describe(s, to)
		if took, ended := k.cut(kill, delay); ended {
			k.count["too late"]++
			k.takes[s.name] = took
		}
		k.count[kill+" in "+s.name]++
		k.whole(s, what)
		if s.changesMind && k.rng.IntN(3) == 0 { // and now something else is wished
			to = k.other(to)
			what += fmt.Sprintf(", then %q", to)
			k.describe(s, to)
		}
		k.again(what)
		k.are(what)
		if k.t.Failed() {
			k.t.Fatal(what)
		}
		if (i+1)%20 == 0 {
			k.t.Logf("%d of %d points in %.0f s: %v", i+1, n, time.Since(began).Seconds(), k.count)
		}
	}
	for _, s := range k.sorts { // what hikae applied goes, all of it
		k.describe(s, "")
	}
	k.again("at the end")
	k.are("at the end")
	k.inStep("standby")
	k.t.Logf("%d points in %.0f s: %v", n, time.Since(began).Seconds(), k.count)
}

// pick takes a sort: cheap ones often.
func (k *killing) pick() *killSort {
	var often []*killSort
	for _, s := range k.sorts {
		for range s.weight {
			often = append(often, s)
		}
	}
	return often[k.rng.IntN(len(often))]
}

func (k *killing) other(v string) string {
	all := slices.DeleteFunc([]string{"", "A", "B"}, func(o string) bool { return o == v })
	return all[k.rng.IntN(len(all))]
}

// cut starts an apply and kills what is to be killed after a while. It reports
// whether the apply had come to its end before that, and how long it took.
func (k *killing) cut(kill string, delay time.Duration) (took time.Duration, over bool) {
	k.t.Helper()
	began := time.Now()
	cmd := exec.Command(k.bin, "-C", k.dir, "apply", "standby", "--yes")
	cmd.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+k.sshConf)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		took, over = time.Since(began), true
		ended <- err
	case <-time.After(delay):
	}
	switch kill {
	case "controller":
		_ = cmd.Process.Kill()
	case "agent":
		// The agent is what has one of hikae's names and that argument.
		k.run("testdata/lab/lab", "exec", "standby", "--", "pkill", "-KILL", "-f", "hikae.* agent$")
	case "dnf": // where it runs just then
		k.run("testdata/lab/lab", "exec", "standby", "--", "systemctl", "kill", "-s", "KILL", "hikae-dnf.service")
	case "power":
		k.lab.lab("power", "standby", "off")
	}
	select {
	case <-ended:
	case <-time.After(45 * time.Second):
		_ = cmd.Process.Kill()
		k.t.Errorf("the apply did not end within 45 s of the kill: %s", out.String())
	}
	k.said = "-- cut off:\n" + tail(out.String())
	if kill == "power" {
		k.lab.lab("power", "standby", "on")
	}
	return took, over
}

// again applies until nobody holds the host any more; it must succeed.
func (k *killing) again(what string) {
	k.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		r := k.runEnv(nil, k.bin, "-C", k.dir, "apply", "standby", "--yes")
		k.said += fmt.Sprintf("-- then, exit %d:\n%s%s", r.code, tail(r.out), tail(r.errOut))
		if r.code == 0 {
			return
		}
		// The agent that lost its controller finishes what it has begun.
		if !strings.Contains(r.errOut, "another apply is under way") || time.Now().After(deadline) {
			k.t.Fatalf("%s: the next apply: exit %d\n%s\n%s", what, r.code, tail(r.out), tail(r.errOut))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// are wants all sorts to be as they are described, and no temporary file,
// journal, staged content or transaction beside them.
func (k *killing) are(what string) {
	k.t.Helper()
	const part = "== "
	script, want := "", ""
	for _, s := range k.sorts {
		script += "echo " + part + s.name + "\n" + s.look + "\n"
		want += part + s.name + "\n" + s.want(k.now[s.name])
	}
	script += "echo " + part + `left
find /etc /home /root /usr/lib /var/lib /var/spool /run -xdev -regex '.*/\.hikae\.[0-9a-f]*'
ls -d /var/lib/hikae/journal /var/lib/hikae/spool/apply-* 2>/dev/null
systemctl is-active hikae-dnf.service | grep -x active; true`
	want += part + "left\n"
	if got := k.exec("standby", script); got != want {
		k.t.Errorf("%s: described is %v; it should be:\n%s\nand is:\n%s\nwhat was said:\n%s", what, k.now, want, got, k.said)
	}
	k.based(what)
}

// based wants all that is described to be in Base: what is not there would
// stay for ever.
func (k *killing) based(what string) {
	k.t.Helper()
	base, err := os.ReadFile(filepath.Join(k.dir, "states", ".store", "base", "standby"))
	if err != nil {
		k.t.Fatal(err)
	}
	for _, s := range k.sorts {
		if k.now[s.name] == "" {
			continue
		}
		for _, m := range blockStart.FindAllStringSubmatch(s.hcl(k.now[s.name]), -1) {
			if m[1] != "service" && !strings.Contains(string(base), fmt.Sprintf(" %s \"\" %q\n", m[1], m[2])) {
				k.t.Errorf("%s: %s %s is not in Base; what was said:\n%s", what, m[1], m[2], k.said)
			}
		}
	}
}

// blockStart is a block that describes a resource, in a sort's HCL.
var blockStart = regexp.MustCompile(`(?m)^  ([a-z]+) "([^"]+)" \{`)

// whole wants each of a sort's files to be one of the variants, right after the
// kill, before hikae has a chance to mend anything.
func (k *killing) whole(s *killSort, what string) {
	k.t.Helper()
	if s.files == "" {
		return
	}
	variants := [][]string{lines(s.wantFiles("")), lines(s.wantFiles("A")), lines(s.wantFiles("B"))}
	for i, got := range lines(k.exec("standby", s.files)) {
		if !slices.ContainsFunc(variants, func(v []string) bool { return i < len(v) && v[i] == got }) {
			k.t.Errorf("%s: neither of the variants: %s", what, got)
		}
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }
