package hosttest

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// Bounded runs f and fails the test where it allocates more than most bytes in
// all or takes longer than within: what reads hostile input must stay small.
// Nothing else may run in the process that allocates much.
func Bounded(tb testing.TB, most uint64, within time.Duration, f func()) {
	tb.Helper()
	watchdog := time.AfterFunc(10*within, func() {
		debug.SetTraceback("all")
		panic("the input is still being read after ten times its time")
	})
	before, began := allocated(), time.Now()
	f()
	watchdog.Stop()
	if got := allocated() - before; got > most {
		tb.Errorf("%d bytes were allocated, at most %d are due", got, most)
	}
	if took := time.Since(began); took > within {
		tb.Errorf("it took %v, at most %v are due", took, within)
	}
}

// allocated is what this process has ever allocated, in bytes.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
