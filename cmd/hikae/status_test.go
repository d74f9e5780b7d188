package main

import (
	"fmt"
	"testing"
)

// Monitoring knows a follower that is behind by a code of its own.
func TestExitBehind(t *testing.T) {
	for _, err := range []error{errToldBehind, fmt.Errorf("%w: %w", errBehind, errNeverFollowed)} {
		if got := exitCode(err); got != 6 {
			t.Errorf("%v: exit code %d, want 6", err, got)
		}
	}
}
