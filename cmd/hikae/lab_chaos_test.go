package main

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLabChaos is a day in the life of a pair, made short: people and programs
// change the primary at random (lab_chaos_edits_test.go) while what can go
// wrong goes wrong (lab_chaos_faults_test.go), and hikae watch follows, a
// service on the standby. When all is mended and quiet, both hosts must be
// equal by programs that do not ask hikae (lab_chaos_checks_test.go).
//
// HIKAE_CHAOS_SECONDS is how long (make soak: 600, as 24 hours), HIKAE_CHAOS_SEED
// repeats what is done; without the first it is always the same, for CI. It is done
// to a small pair of hosts; with HIKAE_CHAOS_PAIR=primary,standby to the house.
func TestLabChaos(t *testing.T) {
	lasts, seed := 45, 150450562
	if lasts = number(t, "HIKAE_CHAOS_SECONDS", lasts); lasts != 45 {
		seed = int(time.Now().UnixNano() % 1e9)
	}
	seed = number(t, "HIKAE_CHAOS_SEED", seed)
	c := newChaos(t, uint64(seed))
	t.Logf("seed %d: %d s of it on %s and %s", seed, lasts, c.from, c.to)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d; what was done:\n%s", seed, strings.Join(c.log, "\n"))
		}
	}()
	for end := c.began.Add(time.Duration(lasts) * time.Second); time.Now().Before(end) && !t.Failed(); {
		c.step()
	}
	c.mend(true)
	took := c.quiet()
	t.Logf("in step %v after the last change; %d steps, %d paths edited", took.Round(time.Millisecond), c.steps, len(c.edited))
	for _, what := range slices.Sorted(maps.Keys(c.count)) {
		t.Logf("%4d  %s", c.count[what], what)
	}
	c.equal()
	c.flat()
}

// chaos is one run of it.
type chaos struct {
	*watched
	rng      *rand.Rand
	edits    []*chaosEdit
	packages []*chaosEdit
	faults   []*chaosFault
	wrong    []chaosOn // what is wrong just then
	count    map[string]int
	edited   map[string]bool
	texts    int
	steps    int
	began    time.Time
	sizes    *sizes
	log      []string
}

// step is a few edits, and at times something that goes wrong or is over.
func (c *chaos) step() {
	c.t.Helper()
	c.steps++
	c.mend(false)
	if c.rng.IntN(5) == 0 {
		c.hit()
	}
	if !c.off(c.from) {
		c.edit(1 + c.rng.IntN(12))
		if c.rng.IntN(40) == 0 && len(c.wrong) == 0 {
			c.did(weighted(c, c.packages, func(e *chaosEdit) int { return e.weight }))
		}
	}
	c.sizes.sample(c)
	time.Sleep(time.Duration(c.rng.IntN(400)) * time.Millisecond) // its pace, not a wait
}

// edit changes the primary so many times, in one script.
func (c *chaos) edit(times int) {
	c.t.Helper()
	var es []*chaosEdit
	for range times {
		es = append(es, weighted(c, c.edits, func(e *chaosEdit) int { return e.weight }))
	}
	c.did(es...)
}

// did runs edits and counts those that succeeded.
func (c *chaos) did(es ...*chaosEdit) {
	c.t.Helper()
	var script strings.Builder
	for i, e := range es {
		fmt.Fprintf(&script, "( %s ) >/dev/null 2>&1 </dev/null && echo %d\n", e.script(c), i)
	}
	// Through standard input: a script may be longer than an argument can be.
	r := c.runIn(script.String(), "testdata/lab/lab", "exec", c.from, "--", "bash")
	for _, i := range strings.Fields(r.out) {
		var n int
		if _, err := fmt.Sscan(i, &n); err == nil && n < len(es) {
			c.count["edit: "+es[n].name]++
			c.logf("%s", es[n].name)
		}
	}
}

// weighted takes one at random, by its weight.
func weighted[T any](c *chaos, all []T, weight func(T) int) T {
	total := 0
	for _, a := range all {
		total += weight(a)
	}
	n := c.rng.IntN(total)
	for _, a := range all {
		if n -= weight(a); n < 0 {
			return a
		}
	}
	panic("unreachable: n is below the sum of the weights")
}

// newChaos has a follower in step with a primary, hikae watch on it, both on
// disks that lose what was not synced when the power goes, and files of the
// follower's own that must stay.
func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	from, to, _ := strings.Cut(cmp.Or(os.Getenv("HIKAE_CHAOS_PAIR"), "vps,fresh"), ",")
	c := &chaos{
		watched: &watched{lab: onLab(t), from: from, to: to},
		rng:     rand.New(rand.NewPCG(seed, 0)),
		edits:   chaosEdits(), packages: chaosPackages(), faults: chaosFaults(),
		count: map[string]int{}, edited: map[string]bool{}, sizes: &sizes{of: map[string][]size{}},
	}
	for _, host := range []string{from, to} {
		c.lab.lab("disk", host, "loop")
		t.Cleanup(func() { c.lab.lab("disk", host, "dir") })
	}
	c.lab.lab("up", from, to)
	c.exec(from, `rpm -q httpd >/dev/null || dnf -y -q install httpd; systemctl enable -q --now httpd
		mkdir -p `+chaosConf+` `+chaosData+` /root/chaos-rpms
		cd /root/chaos-rpms && dnf -q download `+strings.Join(chaosRPMs, " "))
	for _, p := range chaosOwn {
		c.putFile(to, p, "644", "own\n")
	}
	c.settle(c.house(chaosData))
	c.service()
	c.t.Cleanup(func() { c.mend(true) })
	c.began = time.Now()
	return c
}
