package local

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hikae/hosts"
)

// What a killed writer left in a tree goes once nobody can be at it any more,
// and where the tree is only read it stays.
func TestTreeTemps(t *testing.T) {
	h, root := newHost(t)
	dir := filepath.Join(root, "srv/d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(dir, hosts.TempName([8]byte{1}))
	if err := os.WriteFile(temp, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, write := range []bool{false, true} {
		tr, err := h.OpenTree("/srv", hosts.TreeOptions{Write: write})
		if err != nil {
			t.Fatal(err)
		}
		if entries, _, err := tr.List(t.Context(), "d"); err != nil || len(entries) != 0 {
			t.Errorf("it lists %v, %v", entries, err)
		}
		if _, err := os.Stat(temp); err != nil {
			t.Errorf("a young one: %v", err)
		}
		_ = tr.Close()
	}
	d, err := openDirIn(h.fd, "srv/d")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	st, err := d.statx(filepath.Base(temp))
	if err != nil {
		t.Fatal(err)
	}
	clearTempAt(d, filepath.Base(temp), time.Unix(0, stampOf(st).CTime).Add(tempAge+time.Second))
	if _, err := os.Stat(temp); !os.IsNotExist(err) {
		t.Errorf("an old one: %v", err)
	}
}
