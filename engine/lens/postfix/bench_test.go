package postfix_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
)

// access is a table of many addresses, 10 MB.
func access() []byte {
	var b bytes.Buffer
	for i := range 300_000 {
		fmt.Fprintf(&b, "192.%d.%d.%d\tREJECT listed no %d\n", i>>16, i>>8&255, i&255, i)
	}
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	src := access()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := postfix.ParseTable(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	src := access()
	f, err := postfix.ParseTable(src)
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
	src := access()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		bytes.Clone(src)
	}
}

// TestMemory holds files with their trees and prints under 20 times their size.
func TestMemory(t *testing.T) {
	services := bytes.Repeat([]byte("smtp inet n - n - - smtpd -o a=b\n  -o { c = d, e }\n"), 50_000)
	for g, src := range map[*lens.Grammar][]byte{new(postfix.Table()): access(), new(postfix.Aliases()): bytes.ReplaceAll(access(), []byte("\t"), []byte(": ")),
		new(postfix.Main()): bytes.ReplaceAll(access(), []byte("\t"), []byte(" = ")), new(postfix.Master()): services} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := g.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		printed, err := f.Print()
		if err != nil || !bytes.Equal(printed, src) {
			t.Fatal("not printed as it was", err)
		}
		runtime.ReadMemStats(&after)
		times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(src))
		if times > 20 {
			t.Errorf("%s: %.1f times the source", g.Name, times)
		}
		t.Logf("%s: %.1f times the source", g.Name, times)
	}
}
