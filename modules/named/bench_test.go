package named

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/modules/lenstest"
)

// blockList is a list of zones as people serve it against advertisements.
func blockList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "zone \"ads%d.example.com\" { type master; notify no; file \"/etc/named/null.zone\"; };\n", i)
	}
	return b.String()
}

// A block list is read, and what is wrong in it found, in less than twenty times
// its size; a zone of it can be edited.
func TestBlockList(t *testing.T) {
	src := []byte(blockList(100_000))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := parse(src)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if ratio := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src)); ratio > 20 {
		t.Errorf("reading took %.1f times the file", ratio)
	}
	runtime.KeepAlive(f)
	tr := lenstest.Tree{"/etc/named.conf": string(src)}
	files, _, diags := Lens{}.Put(tr, []engine.Edit{absent(ZoneKind, "", "ads7.example.com")})
	if want := strings.Replace(string(src), "zone \"ads7.example.com\" { type master; notify no; file \"/etc/named/null.zone\"; };\n", "", 1); diags.HasErrors() || len(files) != 1 || string(files[0].Bytes) != want {
		t.Errorf("a zone that goes: %s", lenstest.Text(diags))
	}
}

func BenchmarkBlockList(b *testing.B) {
	src := []byte(blockList(300_000))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		f, err := parse(src)
		if err != nil {
			b.Fatal(err)
		}
		if out, err := f.Print(); err != nil || !slices.Equal(out, src) {
			b.Fatal("printed otherwise", err)
		}
	}
}

func BenchmarkBlockListGet(b *testing.B) {
	tr := lenstest.Tree{"/etc/named.conf": blockList(300_000)}
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := (Lens{}).Get(tr); len(diags) != 1 {
			b.Fatal(lenstest.Text(diags))
		}
	}
}
