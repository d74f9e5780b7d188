package main

import (
	"fmt"
	"slices"
	"time"
)

// chaosFault is something that goes wrong on a host, and is mended.
//
// The clock is not among them: the lab's hosts share this machine's, and may
// not set it. Files with other times, older and the same, are among the edits.
type chaosFault struct {
	name   string
	weight int
	host   func(*chaos) string
	lasts  time.Duration // at most; 0: it is over at once
	begin  func(*chaos, string)
	end    func(*chaos, string)
}

func eitherHost(c *chaos) string { return c.pick2(c.from, c.to) }
func leader(c *chaos) string     { return c.from }
func follower(c *chaos) string   { return c.to }

func (c *chaos) pick2(a, b string) string { return c.pick([]string{a, b}) }

// chaosAgents are the hikae programs that work for another one on a host; the
// one that watches is chaosWatch.
const (
	chaosAgents = `^[^ ]*hikae[^ ]* agent`
	chaosWatch  = `^[^ ]*hikae[^ ]* .*watch`
	chaosFill   = "/var/tmp/chaos-fill"
)

func chaosFaults() []*chaosFault {
	return []*chaosFault{
		{"link cut", 5, eitherHost, 8 * time.Second,
			func(c *chaos, h string) { c.lab.lab("cut", h) },
			func(c *chaos, h string) { c.lab.lab("mend", h) }},
		{"agents killed", 5, eitherHost, 0,
			func(c *chaos, h string) { c.may(h, "pkill -KILL -f '"+chaosAgents+"'") }, nil},
		{"agents stopped", 2, eitherHost, 5 * time.Second,
			func(c *chaos, h string) { c.may(h, "pkill -STOP -f '"+chaosAgents+"'") },
			func(c *chaos, h string) { c.may(h, "pkill -CONT -f '"+chaosAgents+"'") }},
		{"watch killed", 3, follower, 0,
			func(c *chaos, h string) { c.may(h, "pkill -KILL -f '"+chaosWatch+"'") }, nil},
		{"watch restarted", 1, follower, 0,
			func(c *chaos, h string) { c.may(h, "systemctl restart "+watchService) }, nil},
		{"sshd restarted", 2, leader, 0,
			func(c *chaos, h string) { c.exec(h, "systemctl restart sshd") }, nil},
		{"sshd stopped, its sessions ended", 2, leader, 6 * time.Second,
			func(c *chaos, h string) { c.exec(h, "systemctl stop sshd; pkill -KILL -f '^sshd: ' || true") },
			func(c *chaos, h string) { c.exec(h, "systemctl reset-failed sshd; systemctl start sshd") }},
		{"power", 2, eitherHost, 3 * time.Second,
			func(c *chaos, h string) {
				// What no disk had yet would differ afterwards for that reason alone;
				// TestLabKill cuts the power in the middle of writes.
				c.may(h, "timeout 10 sync")
				c.lab.lab("power", h, "off")
			},
			func(c *chaos, h string) { c.lab.lab("power", h, "on") }},
		{"disk full", 3, eitherHost, 6 * time.Second,
			// Of ext4 no block is written for it.
			func(c *chaos, h string) {
				c.exec(h, "fallocate -l $(df --output=avail -B1 /var/tmp | tail -1) "+chaosFill+" 2>/dev/null || fallocate -l $(($(df --output=avail -B1 /var/tmp | tail -1) - 8388608)) "+chaosFill+"; dd if=/dev/zero of="+chaosFill+".rest bs=64k 2>/dev/null; true")
			},
			func(c *chaos, h string) { c.exec(h, "rm -f "+chaosFill+"*") }},
	}
}

// chaosOn is a fault that lasts.
type chaosOn struct {
	*chaosFault
	host  string
	until time.Time
}

// may runs a script that may fail.
func (c *chaos) may(host, script string) {
	c.t.Helper()
	c.look(host, script)
}

// hit lets something go wrong on a host where nothing is wrong just then.
func (c *chaos) hit() {
	c.t.Helper()
	f := weighted(c, c.faults, func(f *chaosFault) int { return f.weight })
	host := f.host(c)
	if slices.ContainsFunc(c.wrong, func(o chaosOn) bool { return o.host == host }) {
		return
	}
	c.count["fault: "+f.name+" on "+host]++
	c.logf("%s on %s", f.name, host)
	f.begin(c, host)
	if f.end != nil {
		c.wrong = append(c.wrong, chaosOn{f, host, time.Now().Add(time.Duration(c.rng.Int64N(int64(f.lasts))))})
	}
}

// mend ends what is due, or all of it.
func (c *chaos) mend(all bool) {
	c.t.Helper()
	c.wrong = slices.DeleteFunc(c.wrong, func(o chaosOn) bool {
		if !all && time.Now().Before(o.until) {
			return false
		}
		c.logf("%s on %s is over", o.name, o.host)
		o.end(c, o.host)
		return true
	})
}

// off reports whether a host has no power.
func (c *chaos) off(host string) bool {
	return slices.ContainsFunc(c.wrong, func(o chaosOn) bool { return o.host == host && o.name == "power" })
}

// logf notes what was done, to be printed if the test fails.
func (c *chaos) logf(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf("%6.1f s  ", time.Since(c.began).Seconds())+fmt.Sprintf(format, args...))
}
