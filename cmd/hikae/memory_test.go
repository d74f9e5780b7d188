package main

import (
	"runtime"
	"testing"
	"time"
)

func TestHeapPercent(t *testing.T) {
	h := heap{free: 32 << 20}
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 1000}, {1 << 20, 1000}, {8 << 20, 300}, {16 << 20, 100}, {30 << 20, garbage}, {1 << 30, garbage},
	} {
		if got := h.percent(c.live); got != c.want {
			t.Errorf("%d bytes in use: %d percent, want %d", c.live, got, c.want)
		}
	}
}

// What a collection leaves in use decides when the next one comes.
func TestEaseGC(t *testing.T) {
	t.Setenv("GOGC", "")
	easeGC(64 << 20)
	inUse := make([]byte, 50<<20)
	var ms runtime.MemStats
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		runtime.ReadMemStats(&ms)
		if want := uint64(len(inUse)) * (100 + garbage) / 100; ms.NextGC > want*9/10 && ms.NextGC < want*12/10 {
			return
		}
		runtime.KeepAlive(inUse)
		if time.Now().After(deadline) {
			t.Fatalf("with %d bytes in use the next collection is at %d", len(inUse), ms.NextGC)
		}
	}
}
