package rules

import (
	"os"
	"testing"
)

// docs/rules.md is made from the tables: HIKAE_UPDATE=1 go test ./engine/rules
func TestReferenceIsCurrent(t *testing.T) {
	const path = "../../docs/rules.md"
	want := Markdown()
	if os.Getenv("HIKAE_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/rules.md is not what the tables say (%v): run HIKAE_UPDATE=1 go test ./engine/rules", err)
	}
}
