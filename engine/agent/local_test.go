package agent

import "testing"

// A session within the process gives back what its host holds: a loop opens many.
func TestLocalIsDone(t *testing.T) {
	r := newRig(t)
	done := 0
	r.server.Done = func() { done++ }
	c, err := Local(t.Context(), r.server, options())
	if err != nil {
		t.Fatal(err)
	}
	if done != 0 {
		t.Error("it was given back while the session goes on")
	}
	if err := c.Close(); err != nil || done != 1 {
		t.Errorf("closed: %v, given back %d times", err, done)
	}
	o := options()
	o.Build = "v0"
	if _, err := Local(t.Context(), r.server, o); err == nil || done != 2 {
		t.Errorf("refused: %v, given back %d times", err, done)
	}
}
