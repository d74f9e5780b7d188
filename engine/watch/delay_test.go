package watch

import (
	"testing"
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// Packages come when their delay is over, though nothing else happens then; all else
// does not wait, and where there are no others all is not compared.
func TestDelay(t *testing.T) {
	pkg := engine.Addr{Kind: "package", Name: "p"}
	follows(t, func(w *world, of *Following) {
		of.Audit, of.Delay = 200*time.Hour, 24*time.Hour
		w.primary[pkg] = "1"
	}, func(w *world) {
		w.pass(2 * time.Second)
		w.inStep("standby")
		h := w.followers["standby"]
		w.pass(5 * time.Minute)
		changes := func(version string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.primary[pkg] = version
			w.tell("")
		}
		changes("2")
		w.pass(time.Hour)
		changes("3")
		w.edit("/etc/a", "2")
		w.pass(time.Second)
		version := func() (is string) {
			w.with(func() { is = h.is[pkg] })
			return is
		}
		if a := w.value("standby", "/etc/a"); version() != "1" || a != "2" {
			t.Errorf("it is %s, and the file %s", version(), a)
		}
		for i, want := range []string{"1", "2", "3"} {
			if i > 0 {
				w.pass(time.Hour)
			} else {
				w.pass(22*time.Hour + 55*time.Minute)
			}
			if got := version(); got != want {
				t.Errorf("after %d hours more: it is %q, want %q", i, got, want)
			}
		}
		w.inStep("standby")
		wholes := h.wholes
		for range 24 {
			w.edit("/etc/b", time.Now().String())
			w.pass(2 * time.Hour)
		}
		w.inStep("standby")
		if h.wholes != wholes {
			t.Errorf("all was compared %d times for nothing", h.wholes-wholes)
		}

		// Held when it is due: it comes after that.
		changes("4")
		w.pass(23 * time.Hour)
		w.with(func() { w.holds["standby"] = &control.Hold{By: "somebody"} })
		w.pass(2 * time.Hour)
		if got := version(); got != "3" {
			t.Errorf("on hold, and it is %q", got)
		}
		w.with(func() { delete(w.holds, "standby") })
		w.pass(5 * time.Second)
		w.inStep("standby")
	})
}
