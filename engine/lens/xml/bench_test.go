package xml_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/xml"
)

// dropZone is a zone of many addresses.
func dropZone(n int) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone target=\"DROP\">\n  <short>Drop</short>\n")
	for i := range n {
		fmt.Fprintf(&b, "  <source address=\"10.%d.%d.%d\"/>\n", i>>16, i>>8&255, i&255)
	}
	b.WriteString("</zone>\n")
	return b.Bytes()
}

const addresses = 200_000

func BenchmarkParse(b *testing.B) {
	src := dropZone(addresses)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := xml.Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	src := dropZone(addresses)
	f, err := xml.Parse(src)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := f.Print(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is the plain read that the others are compared with.
func BenchmarkRead(b *testing.B) {
	src := dropZone(addresses)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		bytes.Clone(src)
	}
}

// TestMemory holds a file with its tree and its print under 20 times its size.
func TestMemory(t *testing.T) {
	src := dropZone(addresses)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := xml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := f.Print()
	if err != nil || !bytes.Equal(printed, src) {
		t.Fatal("not printed as it was", err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 20*uint64(len(src)) {
		t.Errorf("%d bytes for %d: %d times", used, len(src), used/uint64(len(src)))
	} else {
		t.Logf("%.1f times the source", float64(used)/float64(len(src)))
	}
	var zone *lens.Node
	for n := range f.Root.All {
		if n.Block {
			zone = n
		}
	}
	if len(zone.Nodes) != addresses+1 {
		t.Errorf("%d nodes", len(zone.Nodes))
	}
}
