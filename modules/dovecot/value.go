package dovecot

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	grammar "hikae/engine/lens/dovecot"
	"hikae/modules/internal/lensput"
)

// shown is the value of a setting from what is written. What says something else
// than its text, a file or a variable, is shown as it is written, and so is a text
// between quotes that would say something else without them. ok is false for what
// cannot be shown.
func (s sort) shown(raw string) (v cty.Value, ok bool) {
	said, form := grammar.Read(raw)
	if !utf8.ValidString(said) {
		return cty.NilVal, false
	}
	switch form {
	case grammar.File:
		return cty.StringVal("<" + said), true
	case grammar.Quoted:
		if _, bare := grammar.Read(said); bare != grammar.Plain {
			return cty.StringVal(raw), true
		}
	}
	switch s {
	case flag:
		if on, ok := isFlag(said); ok {
			return cty.BoolVal(on), true
		}
	case number:
		if n, err := strconv.ParseUint(said, 10, 32); err == nil {
			return cty.NumberUIntVal(n), true
		}
	case words, items:
		return lensput.Strings(strings.FieldsFunc(said, s.parts)), true
	}
	return cty.StringVal(said), true
}

// parts tells whether a character parts the members of a list.
func (s sort) parts(r rune) bool { return r == ' ' || r == '\t' || r == ',' && s == items }

// written is how a value is to be written, in the manner of what was there. why
// tells why it cannot be.
func (s sort) written(v cty.Value, before string) (raw, why string) {
	v, why = s.conform(v)
	if why != "" {
		return "", why
	}
	var said string
	switch {
	case v.Type() == cty.Bool:
		if said = "no"; v.True() {
			said = "yes"
		}
	case v.Type() == cty.Number:
		said = v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.String:
		said = v.AsString()
		if _, form := grammar.Read(said); form == grammar.Plain {
			if want := s.checked(said); want != "" {
				return "", "it is " + want
			}
		}
	default:
		by := " "
		if s == items && strings.Contains(before, ",") {
			by = ", "
		}
		var members []string
		for it := v.ElementIterator(); it.Next(); {
			_, m := it.Element()
			members = append(members, m.AsString())
		}
		said = strings.Join(members, by)
	}
	quoted, _ := grammar.Quote(said)
	for _, raw := range []string{said, quoted} {
		if got, ok := s.shown(raw); ok && got.RawEquals(v) && grammar.Reads(raw) {
			return raw, ""
		}
	}
	if s == words || s == items {
		return "", "no member of a list is empty or holds what parts them"
	}
	return "", "it is one line; a < or quotes at its start and a $ say something to dovecot and must do so, or stand between quotes"
}

// conform makes a value one of the sort's type.
func (s sort) conform(v cty.Value) (cty.Value, string) {
	if !v.IsWhollyKnown() {
		return v, "it is not known"
	}
	if v.Type() == cty.String { // a file or a variable, or a text that may be another type's
		said, form := grammar.Read(v.AsString())
		switch on, isOn := isFlag(said); {
		case form != grammar.Plain:
			return v, ""
		case s == flag && isOn:
			return cty.BoolVal(on), ""
		case s == words || s == items:
			return lensput.Strings(strings.FieldsFunc(said, s.parts)), ""
		}
	}
	want, what := cty.String, "a text"
	switch s {
	case flag:
		want, what = cty.Bool, "true or false"
	case number:
		want, what = cty.Number, "a number"
	case words, items:
		want, what = cty.List(cty.String), "a list of texts"
	}
	if v.Type() == cty.Bool && s == text {
		return cty.StringVal(map[bool]string{true: "yes", false: "no"}[v.True()]), ""
	}
	got, err := convert.Convert(v, want)
	if err != nil || !got.IsWhollyKnown() || got.IsNull() || hasNull(got) {
		return v, "it is " + what
	}
	if s == number {
		f := got.AsBigFloat()
		if n, _ := f.Uint64(); !f.IsInt() || f.Sign() < 0 || n > math.MaxUint32 {
			return v, "it is a whole number of 32 bits"
		}
	}
	return got, ""
}

// hasNull tells whether a list has a null in it.
func hasNull(v cty.Value) bool {
	if !v.CanIterateElements() {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, m := it.Element(); m.IsNull() {
			return true
		}
	}
	return false
}
