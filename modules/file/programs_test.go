package file

import (
	"crypto/sha256"
	"os"
	"testing"

	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// One program alone is judged as it is among all: emitted for as long as its
// metadata is not its package's.
func TestOneProgramAlone(t *testing.T) {
	h := hosttest.New(t)
	h.Write("/usr/bin/x", "text")
	pristine := hosts.Node{Type: hosts.File, Mode: 0o755, Owner: "root", Group: "root", Content: hosts.Content{Size: 4, ID: sha256.Sum256([]byte("text"))}}
	rd := &reading{r: h, own: owners{"/usr/bin/x": {pkg: "x", pristine: &pristine}}}
	for mode, want := range map[os.FileMode]int{0o644: 1, 0o755: 0} {
		if err := os.Chmod(h.Path("/usr/bin/x"), mode); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"/usr/bin", "/usr/bin/x"} {
			found, err := rd.programs(t.Context(), dir, nil)
			if err != nil || len(found) != want {
				t.Errorf("mode %o, read at %s: %d programs, want %d (%v)", mode, dir, len(found), want, err)
			}
		}
	}
}
