package lang

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hikae/engine"
)

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

func sortResources(rs []engine.Resource) {
	slices.SortFunc(rs, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
}
