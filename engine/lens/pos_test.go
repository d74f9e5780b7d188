package lens

import (
	"testing"

	"pgregory.net/rapid"
)

// A document's own places are those that counting gives.
func TestPosOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(rapid.StringOf(rapid.SampledFrom([]rune("a\n\r ü"))).Draw(t, "src"))
		d := NewDocument(src)
		for at := range len(src) + 1 {
			if got, want := d.PosOf(at), PosOf(src, at); got != want {
				t.Fatalf("byte %d of %q is at %+v, not %+v", at, src, got, want)
			}
		}
	})
}
