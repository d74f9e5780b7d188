package agent

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/hosts"
)

func testCodec(t testing.TB) *codec {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A path is bytes: what is not UTF-8, or not in NFC, must arrive as it left.
func TestRawBytesSurvive(t *testing.T) {
	c := testCodec(t)
	odd := "\xff\xfe e\u0301 \n %"
	change := engine.Change{
		Addr:   engine.Addr{Kind: "file", Name: "/etc/" + odd},
		Action: engine.Update, Why: odd,
		Before: &engine.Resource{Package: odd, After: []engine.Addr{{Kind: "x", In: odd, Name: odd}}},
		After: &engine.Resource{
			Node: &hosts.Node{
				Type: hosts.Link, Link: odd, Owner: odd,
				Xattrs: map[string]string{"user." + odd: "\x00\xff" + odd},
			},
			Pristine: &hosts.Node{Type: hosts.File, Mode: 0o4755, Content: hosts.Content{Size: 3, ID: hosts.ID{1, 2}, Sealed: true}},
		},
	}
	change.Before.Addr, change.After.Addr = change.Addr, change.Addr

	client := &Client{l: &link{codec: c}}
	b, err := client.encodeChange(&change)
	if err != nil {
		t.Fatal(err)
	}
	ss := &session{l: &link{codec: c}, schemas: map[string]engine.Schema{"file": fileSchema()}}
	var got engine.Change
	err = sequence(c, b, func(w *wireChange) error {
		got, err = ss.change(w)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(change, got, cmp.Comparer(func(a, b cty.Value) bool { return a == b })); d != "" {
		t.Errorf("change differs (-sent +got):\n%s", d)
	}
}

func TestCoverageSurvives(t *testing.T) {
	c := testCodec(t)
	want := readResult{Coverage: map[string]engine.Coverage{
		"file\xff": {Roots: []string{"/etc\xff"}, Holes: []engine.Hole{{Path: "/\xfe", Err: "x"}}, Skipped: map[string]int{"why\xff": 3}},
	}}
	b, err := c.marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got readResult
	if err := c.unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// genTyped draws a type and a value of it.
func genTyped(t *rapid.T, depth int) cty.Value {
	kinds := 3
	if depth > 0 {
		kinds = 8
	}
	list := func(elem func() cty.Value) []cty.Value {
		var out []cty.Value
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			out = append(out, elem())
		}
		return out
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		if rapid.Bool().Draw(t, "null") {
			return cty.NullVal(cty.String)
		}
		return cty.StringVal(rapid.String().Draw(t, "s"))
	case 1:
		return cty.BoolVal(rapid.Bool().Draw(t, "b"))
	case 2:
		if rapid.Bool().Draw(t, "whole") {
			return cty.NumberIntVal(rapid.Int64().Draw(t, "i"))
		}
		return cty.NumberFloatVal(rapid.Float64Range(-1e200, 1e200).Draw(t, "f"))
	case 3:
		e := genTyped(t, 0)
		return cty.ListVal(list(func() cty.Value { return e }))
	case 4:
		return cty.SetVal(list(func() cty.Value { return cty.StringVal(rapid.String().Draw(t, "e")) }))
	case 5:
		m := map[string]cty.Value{}
		for range rapid.IntRange(1, 3).Draw(t, "n") {
			m[cty.StringVal(rapid.String().Draw(t, "k")).AsString()] = cty.NumberIntVal(rapid.Int64().Draw(t, "v"))
		}
		return cty.MapVal(m)
	case 6:
		return cty.TupleVal(list(func() cty.Value { return genTyped(t, depth-1) }))
	}
	return cty.ObjectVal(map[string]cty.Value{"a": genTyped(t, depth-1), "b": genTyped(t, depth-1)})
}

func TestValueRoundTrip(t *testing.T) {
	c := testCodec(t)
	rapid.Check(t, func(t *rapid.T) {
		want := genTyped(t, 3)
		b, err := c.marshalValue(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.unmarshalValue(b, want.Type())
		if err != nil {
			t.Fatal(err)
		}
		if !got.RawEquals(want) {
			t.Fatalf("sent %#v, got %#v", want, got)
		}
	})
}

func TestValueRefused(t *testing.T) {
	c := testCodec(t)
	for name, v := range map[string]cty.Value{
		"unknown":  cty.UnknownVal(cty.String),
		"marked":   cty.StringVal("x").Mark("secret"),
		"within":   cty.ObjectVal(map[string]cty.Value{"a": cty.UnknownVal(cty.Bool)}),
		"infinity": cty.PositiveInfinity,
		"too long": cty.StringVal(strings.Repeat("x", maxValue)),
	} {
		if _, err := c.marshalValue(v); err == nil {
			t.Errorf("%s: was sent", name)
		}
	}
	for name, plain := range map[string]any{
		"wrong type":      []any{true, nil, nil},
		"too few":         []any{int64(1)},
		"not an object":   "x",
		"endless number":  []any{"1e999999999", nil, nil},
		"not a number":    []any{"1e", nil, nil},
		"element of type": []any{int64(1), nil, []any{int64(3)}},
	} {
		b, err := c.marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		ty := userSchema().ObjectType()
		if _, err := c.unmarshalValue(append([]byte{}, b...), ty); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMessagesSpanFrames(t *testing.T) {
	for _, n := range []int{0, 1, MaxFrame - 1, MaxFrame, MaxFrame + 1, 3*MaxFrame + 7, MaxMessage} {
		body := bytes.Repeat([]byte("hikae"), n/5+1)[:n]
		var buf bytes.Buffer
		if err := writeMessage(&buf, kindRead, body); err != nil {
			t.Fatal(err)
		}
		m, err := readMessage(&buf, nil)
		if err != nil || m.kind != kindRead || !bytes.Equal(m.body, body) || buf.Len() != 0 {
			t.Errorf("%d bytes: kind %d, %d bytes, %v", n, m.kind, len(m.body), err)
		}
	}
	if err := writeMessage(io.Discard, kindRead, make([]byte, MaxMessage+1)); err == nil {
		t.Error("a message over the limit was sent")
	}
}

func frame(k byte, body string) string {
	b := make([]byte, headerSize)
	putHeader(b, k, len(body))
	return string(b) + body
}

func TestBadFrames(t *testing.T) {
	big := strings.Repeat("x", MaxFrame)
	for name, tc := range map[string]struct {
		in   string
		want error
	}{
		"empty stream":          {"", io.EOF},
		"header cut short":      {"\x00\x00", io.ErrUnexpectedEOF},
		"body cut short":        {frame(10, "abc")[:7], io.ErrUnexpectedEOF},
		"body missing":          {frame(10, "abc")[:5], io.ErrUnexpectedEOF},
		"oversize frame":        {"\x00\x10\x00\x01\x0a", ErrProtocol},
		"hugest frame":          {"\xff\xff\xff\xff\x0a", ErrProtocol},
		"oversize message":      {strings.Repeat(frame(10|more, big), 17), ErrProtocol},
		"other kind within":     {frame(10|more, "a") + frame(11, "b"), ErrProtocol},
		"chunk goes on":         {frame(byte(kindChunk)|more, "a") + frame(byte(kindChunk), "b"), ErrProtocol},
		"empty frames for ever": {strings.Repeat(frame(10|more, ""), 100), ErrProtocol},
		"end within":            {frame(10|more, "a"), io.ErrUnexpectedEOF},
	} {
		if _, err := readMessage(strings.NewReader(tc.in), nil); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(10, "abc") + frame(byte(kindChunk), "xyz")))
	f.Add([]byte(frame(10|more, "abc") + frame(10, "def")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		buf := make([]byte, 16)
		for {
			m, err := readMessage(r, buf)
			if err != nil {
				return
			}
			if len(m.body) > len(b) {
				t.Fatalf("message of %d bytes from %d", len(m.body), len(b))
			}
		}
	})
}

func FuzzValue(f *testing.F) {
	c := testCodec(f)
	u := user("a", 5, "x")
	b, err := c.marshalValue(u.Value)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.unmarshalValue(b, userSchema().ObjectType())
		if err != nil || v == cty.NilVal {
			return
		}
		again, err := c.marshalValue(v)
		if err != nil {
			t.Fatalf("cannot send again what was received: %v", err)
		}
		w, err := c.unmarshalValue(again, userSchema().ObjectType())
		if err != nil || !w.RawEquals(v) {
			t.Fatalf("%#v became %#v: %v", v, w, err)
		}
	})
}
