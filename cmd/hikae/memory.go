package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How far the heap may grow, in bytes, before garbage is collected at all. A
// command lives for a tenth of a second, and Go's own rule would have it
// collect a dozen times meanwhile, for a few megabytes each.
const (
	agentHeap      = 20 << 20
	controllerHeap = 64 << 20
)

// Of what is in use beyond that, garbage may be this share, in percent.
const garbage = 25

// heap lets the heap grow to a size without collecting, and has it collected
// strictly from there on.
type heap struct{ free uint64 }

// easeGC sets that up, unless the environment says how to collect.
func easeGC(free uint64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	const smallest = 4 << 20                       // of a heap that Go collects at 100 percent
	debug.SetGCPercent(int(free * 100 / smallest)) // #nosec G115 -- a small constant
	heap{free}.watch()
}

// watch has the share set anew after each collection.
func (h heap) watch() {
	runtime.SetFinalizer(new([64]byte), func(*[64]byte) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(h.percent(live[0].Value.Uint64()))
		h.watch()
	})
}

// percent is the share for a heap of which so many bytes are in use.
func (h heap) percent(live uint64) int {
	const most = 1000
	switch {
	case live == 0:
		return most
	case live >= h.free:
		return garbage
	}
	return int(min(max(garbage, (h.free-live)*100/live), most)) // #nosec G115 -- 1000 at most
}
