package hosts_test

import (
	"testing"
	"time"

	"hikae/hosts"
)

// What used processor time, or wants to, does not rest; what only looks at a timer
// does.
func TestRest(t *testing.T) {
	const ms = time.Millisecond
	type look struct {
		at, used time.Duration
		busy     bool
	}
	for _, tt := range []struct {
		name  string
		looks []look
		at    time.Duration // when it rests; -1: not in that time
	}{
		{"nothing is done", []look{{0, 50 * ms, false}, {10 * ms, 50 * ms, false}, {30 * ms, 50 * ms, false}}, 30 * ms},
		{"busy, then at rest", []look{{0, 0, true}, {10 * ms, 0, true}, {20 * ms, 90 * ms, false}, {40 * ms, 90 * ms, false}, {50 * ms, 90 * ms, false}}, 50 * ms},
		{"its timers go off between", []look{{0, 50 * ms, false}, {10 * ms, 51 * ms, false}, {20 * ms, 51 * ms, false}, {30 * ms, 52 * ms, false}}, 30 * ms},
		{"a timer goes off as it is looked at", []look{{0, 50 * ms, false}, {10 * ms, 0, true}, {20 * ms, 51 * ms, false}, {30 * ms, 0, true}, {40 * ms, 51 * ms, false}}, 40 * ms},
		{"it never gets a processor", []look{{0, 0, true}, {10 * ms, 0, true}, {20 * ms, 0, true}, {30 * ms, 0, true}, {300 * ms, 0, true}}, -1},
		{"it works whenever nobody looks", []look{{0, 10 * ms, false}, {10 * ms, 15 * ms, false}, {20 * ms, 20 * ms, false}, {30 * ms, 25 * ms, false}, {40 * ms, 30 * ms, false}}, -1},
		{"a part of it has ended", []look{{0, 50 * ms, false}, {20 * ms, 40 * ms, false}, {30 * ms, 40 * ms, false}, {50 * ms, 40 * ms, false}}, 50 * ms},
	} {
		rest, at := hosts.Rest{For: 30 * ms}, time.Duration(-1)
		for _, l := range tt.looks {
			if rest.Reached(l.at, hosts.Work{Busy: l.busy, Used: l.used}) && at < 0 {
				at = l.at
			}
		}
		if at != tt.at {
			t.Errorf("%s: rests at %v, want %v", tt.name, at, tt.at)
		}
	}
}
