package lang

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// valueError is a literal that is not of the type wanted.
type valueError struct {
	at  hcl.Pos
	why string
}

func (e *valueError) Error() string { return e.why }

func (v literal) unfit(format string, args ...any) *valueError {
	return &valueError{v.at, fmt.Sprintf(format, args...)}
}

// base64Key is how a string that is not UTF-8 is written: { base64 = "..." }.
const base64Key = "base64"

// toCty gives the literal as a value of type ty.
func (v literal) toCty(ty cty.Type) (cty.Value, *valueError) {
	if v.kind == litNull {
		return cty.NullVal(ty), nil
	}
	switch {
	case ty == cty.String:
		return v.toString()
	case ty == cty.Bool && v.kind == litBool:
		return cty.BoolVal(v.yes), nil
	case ty == cty.Number && v.kind == litNumber:
		return v.toNumber()
	case ty.IsListType() || ty.IsSetType():
		return v.toSequence(ty)
	case ty.IsMapType():
		return v.toMap(ty.ElementType())
	case ty.IsObjectType():
		return v.toObject(ty)
	}
	return cty.NilVal, v.unfit("wanted %s, not %s", wanted(ty), v.kind)
}

func (v literal) toString() (cty.Value, *valueError) {
	if v.kind == litObject && len(v.keys) == 1 && v.keys[0] == base64Key && v.items[0].kind == litString {
		raw, err := base64.StdEncoding.Strict().DecodeString(v.items[0].text)
		if err != nil {
			return cty.NilVal, v.unfit("this is not base64")
		}
		return cty.StringVal(string(raw)), nil
	}
	if v.kind != litString {
		return cty.NilVal, v.unfit("wanted a string, not %s", v.kind)
	}
	return cty.StringVal(v.text), nil
}

// Bounds of a number: digits, and an exponent that cannot be
// made to fill the memory when it is written out.
const (
	maxDigits   = 1300
	maxExponent = 1000
	maxIntBits  = 4096 // of a whole number that is written out
)

func (v literal) toNumber() (cty.Value, *valueError) {
	if why := numberBounds(v.text); why != "" {
		return cty.NilVal, v.unfit("%s", why)
	}
	n, err := cty.ParseNumberVal(v.text)
	if err != nil {
		return cty.NilVal, v.unfit("this is not a number")
	}
	return n, nil
}

// numberBounds says why a number is not worth reading, or "".
func numberBounds(text string) string {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e > maxExponent || e < -maxExponent {
			return "this number is out of range"
		}
	}
	if len(text) > maxDigits {
		return fmt.Sprintf("this number has more than %d digits", maxDigits)
	}
	return ""
}

func (v literal) toSequence(ty cty.Type) (cty.Value, *valueError) {
	if v.kind != litList {
		return cty.NilVal, v.unfit("wanted a list, not %s", v.kind)
	}
	elem := ty.ElementType()
	vals := make([]cty.Value, 0, len(v.items))
	for _, item := range v.items {
		val, err := item.toCty(elem)
		if err != nil {
			return cty.NilVal, err
		}
		vals = append(vals, val)
	}
	switch {
	case ty.IsListType() && len(vals) == 0:
		return cty.ListValEmpty(elem), nil
	case ty.IsListType():
		return cty.ListVal(vals), nil
	case len(vals) == 0:
		return cty.SetValEmpty(elem), nil
	}
	return cty.SetVal(vals), nil
}

// toMap takes an object, or a list of { key, value } where a key is not UTF-8.
func (v literal) toMap(elem cty.Type) (cty.Value, *valueError) {
	m := make(map[string]cty.Value, len(v.items))
	add := func(key string, item literal) *valueError {
		key = cty.NormalizeString(key)
		if _, twice := m[key]; twice {
			return item.unfit("key %q is written twice", key)
		}
		val, err := item.toCty(elem)
		m[key] = val
		return err
	}
	switch v.kind {
	case litObject:
		for i, key := range v.keys {
			if err := add(key, v.items[i]); err != nil {
				return cty.NilVal, err
			}
		}
	case litList:
		for _, item := range v.items {
			key, val, err := item.keyAndValue()
			if err == nil {
				err = add(key, val)
			}
			if err != nil {
				return cty.NilVal, err
			}
		}
	default:
		return cty.NilVal, v.unfit("wanted an object, not %s", v.kind)
	}
	if len(m) == 0 {
		return cty.MapValEmpty(elem), nil
	}
	return cty.MapVal(m), nil
}

func (v literal) keyAndValue() (string, literal, *valueError) {
	if v.kind != litObject || len(v.keys) != 2 || v.keys[0] != "key" || v.keys[1] != "value" {
		return "", literal{}, v.unfit("wanted { key = ..., value = ... }")
	}
	key, err := v.items[0].toCty(cty.String)
	if err != nil {
		return "", literal{}, err
	}
	if key.IsNull() {
		return "", literal{}, v.unfit("a key cannot be null")
	}
	return key.AsString(), v.items[1], nil
}

// toObject fills in null for what is left out.
func (v literal) toObject(ty cty.Type) (cty.Value, *valueError) {
	if v.kind != litObject {
		return cty.NilVal, v.unfit("wanted an object, not %s", v.kind)
	}
	types := ty.AttributeTypes()
	m := make(map[string]cty.Value, len(types))
	for i, key := range v.keys {
		want, known := types[key]
		if !known {
			return cty.NilVal, v.items[i].unfit("there is no %q in %s", key, wanted(ty))
		}
		if _, twice := m[key]; twice {
			return cty.NilVal, v.items[i].unfit("%s is written twice", key)
		}
		val, err := v.items[i].toCty(want)
		if err != nil {
			return cty.NilVal, err
		}
		m[key] = val
	}
	for key, want := range types {
		if _, given := m[key]; !given {
			m[key] = cty.NullVal(want)
		}
	}
	return cty.ObjectVal(m), nil
}
