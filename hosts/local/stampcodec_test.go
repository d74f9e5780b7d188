package local

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStampsTravel(t *testing.T) {
	var from, to Host
	var want []Digested
	for i := range uint64(3000) {
		want = append(want, Digested{Stamp: Stamp{Dev: 1, Ino: i, Size: int64(i), MTime: -1, CTime: 1 << 60}, ID: [32]byte{byte(i), byte(i >> 8), 3}})
	}
	from.UseStamps(want)
	b, err := from.SaveStamps()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.LoadStamps(b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(len(want), len(to.Stamps())); d != "" {
		t.Error(d)
	}
	for _, w := range want {
		if got := to.stamps.m[w.Stamp.key()]; got.ID != w.ID || got.Stamp != w.Stamp {
			t.Fatalf("%+v became %+v", w, got)
		}
	}
	if same, err := to.SaveStamps(); err != nil || !bytes.Equal(same, b) {
		t.Errorf("a session that learnt nothing gives other stamps: %v", err)
	}
	to.stamps.note(want[7].Stamp, func(d *Digested) { d.Plain = true })
	if other, err := to.SaveStamps(); err != nil || bytes.Equal(other, b) {
		t.Errorf("what was learnt is not saved: %v", err)
	}
	var third Host
	if err := third.LoadStamps(b[:len(b)-1]); err == nil || len(third.Stamps()) != 0 {
		t.Errorf("half of the stamps: %v, %d", err, len(third.Stamps()))
	}
	if err := third.LoadStamps(nil); err == nil {
		t.Error("no stamps at all were taken")
	}
}

func FuzzStamps(f *testing.F) {
	var h Host
	h.UseStamps([]Digested{{ID: [32]byte{1}}})
	b, err := h.SaveStamps()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		var h Host
		_ = h.LoadStamps(bytes.Clone(b))
	})
}

func BenchmarkStamps(b *testing.B) {
	var h Host
	var all []Digested
	for i := range uint64(3000) {
		all = append(all, Digested{Stamp: Stamp{Dev: 1, Ino: i * 7, Size: int64(i), MTime: int64(i) << 40, CTime: int64(i) << 41}, ID: [32]byte{byte(i)}})
	}
	h.UseStamps(all)
	for b.Loop() {
		s, err := h.SaveStamps()
		if err != nil {
			b.Fatal(err)
		}
		var to Host
		if err := to.LoadStamps(s); err != nil {
			b.Fatal(err)
		}
	}
}
