package local

import (
	"fmt"
	"testing"

	"hikae/hosts"
)

// Of many files at once the disk knows the last too when all are there, and before
// a large one comes: else a loss of power leaves them as the host's own.
func TestRecordIsFlushed(t *testing.T) {
	needRoot(t)
	h, root := newHost(t)
	write(t, root, "srv/x", "")
	write(t, root, "var/lib/x", "")
	opened, err := h.OpenTree("/srv", hosts.TreeOptions{Write: true})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	tr := opened.(*tree)
	makeFile := func(name string, size int64) {
		t.Helper()
		op := hosts.TreeOp{Verb: hosts.TreeMake, Path: name, Entry: hosts.TreeEntry{
			Path: name, Node: hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: size}},
		}}
		err := tr.Do(t.Context(), op, func(_ func([]byte) error, hole func(int64) error) error {
			if size > 0 && tr.known.behind {
				t.Error("it is behind while a large file comes")
			}
			return hole(size)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	many := func(prefix string) {
		behind := false
		for i := range 200 {
			makeFile(fmt.Sprint(prefix, i), 0)
			behind = behind || tr.known.behind
		}
		if !behind {
			t.Error("each was waited for")
		}
	}
	end := tr.Batch()
	many("a")
	makeFile("large", 2*lookEvery)
	many("b")
	end()
	if tr.known.behind {
		t.Error("it is behind at the end")
	}
}
