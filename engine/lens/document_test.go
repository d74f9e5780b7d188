package lens_test

import (
	"testing"

	"hikae/engine/lens"
)

func TestEdits(t *testing.T) {
	src := []byte("0123456789")
	for name, c := range map[string]struct {
		edit func(*lens.Document)
		want string // "" for an error
	}{
		"none":                     {func(*lens.Document) {}, "0123456789"},
		"in any order":             {func(d *lens.Document) { d.Delete(lens.Span{7, 9}); d.Replace(lens.Span{0, 1}, "zero") }, "zero1234569"},
		"neighbours":               {func(d *lens.Document) { d.Delete(lens.Span{2, 4}); d.Replace(lens.Span{4, 6}, "x") }, "01x6789"},
		"inserts keep their order": {func(d *lens.Document) { d.Insert(3, "a"); d.Insert(3, "b") }, "012ab3456789"},
		"insert before a replaced": {func(d *lens.Document) { d.Replace(lens.Span{3, 5}, "x"); d.Insert(3, "a") }, "012ax56789"},
		"at both ends":             {func(d *lens.Document) { d.Insert(10, ">"); d.Insert(0, "<") }, "<0123456789>"},
		"overlap":                  {func(d *lens.Document) { d.Delete(lens.Span{2, 5}); d.Delete(lens.Span{4, 6}) }, ""},
		"insert into a deleted":    {func(d *lens.Document) { d.Delete(lens.Span{2, 5}); d.Insert(3, "x") }, ""},
		"outside":                  {func(d *lens.Document) { d.Delete(lens.Span{8, 11}) }, ""},
		"backwards":                {func(d *lens.Document) { d.Delete(lens.Span{5, 2}) }, ""},
	} {
		d := lens.NewDocument(src)
		c.edit(d)
		got, err := d.Bytes()
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	if string(src) != "0123456789" {
		t.Error("the source was written into")
	}
}

func TestPos(t *testing.T) {
	src := []byte("ab\ncd\n")
	for offset, want := range map[int]lens.Pos{0: {1, 1, 0}, 2: {1, 3, 2}, 3: {2, 1, 3}, 4: {2, 2, 4}, 6: {3, 1, 6}} {
		if got := lens.PosOf(src, offset); got != want {
			t.Errorf("%d: %v, want %v", offset, got, want)
		}
	}
}
