package lang

import (
	"fmt"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// typeError is a value that is not of the type wanted.
type typeError struct{ wrong, remedy string }

// conform makes v a value of type ty. Unlike cty's own conversion it makes no
// string of a number and no bool of a string: 8.10 is not the text "8.10".
// What an object leaves out is null.
func conform(name string, v cty.Value, ty cty.Type) (cty.Value, *typeError) {
	if v.IsMarked() {
		return cty.NilVal, &typeError{name + " cannot be a secret: plans would show it", "Only attributes that hold secrets, such as a user's password, take secret(\"NAME\")."}
	}
	if !v.IsKnown() {
		return cty.NilVal, &typeError{name + " has no value", "What it refers to could not be evaluated."}
	}
	if v.IsNull() {
		return cty.NullVal(ty), nil
	}
	got := v.Type()
	switch {
	case ty.IsPrimitiveType() && got == ty, ty == cty.DynamicPseudoType:
		return v, nil
	case ty.IsListType() || ty.IsSetType():
		if got.IsTupleType() || got.IsListType() || got.IsSetType() {
			return conformSequence(name, v, ty)
		}
	case ty.IsMapType():
		if got.IsObjectType() || got.IsMapType() {
			return conformMap(name, v, ty.ElementType())
		}
	case ty.IsObjectType():
		if got.IsObjectType() || got.IsMapType() {
			return conformObject(name, v, ty)
		}
	}
	return cty.NilVal, wrongType(name, v, ty)
}

func wrongType(name string, v cty.Value, ty cty.Type) *typeError {
	return &typeError{
		wrong:  fmt.Sprintf("%s is %s, but wants %s", name, kindOf(v.Type()), wanted(ty)),
		remedy: "For example: " + name + " = " + exampleLike(v, ty),
	}
}

// kindOf says what sort of value a person has written.
func kindOf(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "a string"
	case ty == cty.Bool:
		return "a bool"
	case ty == cty.Number:
		return "a number"
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		return "a list"
	}
	return "an object"
}

// exampleLike is an example of a type, made of the value where that is easy.
func exampleLike(v cty.Value, ty cty.Type) string {
	switch {
	case ty == cty.String && v.Type() == cty.Number:
		if text, err := numberText(v.AsBigFloat()); err == nil {
			return `"` + text + `"`
		}
	case ty == cty.Bool && v.Type() == cty.String:
		if slices.Contains([]string{"no", "false", "off", "0"}, v.AsString()) {
			return "false"
		}
	case (ty.IsListType() || ty.IsSetType()) && v.Type() == ty.ElementType():
		if text, err := textOf(v, 0, 0); err == nil && len(text) <= lineWidth {
			return "[" + text + "]"
		}
	}
	return example(ty)
}

func conformSequence(name string, v cty.Value, ty cty.Type) (cty.Value, *typeError) {
	elem := ty.ElementType()
	vals := make([]cty.Value, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		c, err := conform(fmt.Sprintf("%s[%d]", name, len(vals)), e, elem)
		if err != nil {
			return cty.NilVal, err
		}
		vals = append(vals, c)
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

func conformMap(name string, v cty.Value, elem cty.Type) (cty.Value, *typeError) {
	vals := map[string]cty.Value{}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		c, err := conform(name+"."+k.AsString(), e, elem)
		if err != nil {
			return cty.NilVal, err
		}
		vals[k.AsString()] = c
	}
	if len(vals) == 0 {
		return cty.MapValEmpty(elem), nil
	}
	return cty.MapVal(vals), nil
}

func conformObject(name string, v cty.Value, ty cty.Type) (cty.Value, *typeError) {
	types := ty.AttributeTypes()
	vals := make(map[string]cty.Value, len(types))
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		key := k.AsString()
		want, known := types[key]
		if !known {
			return cty.NilVal, &typeError{fmt.Sprintf("%s has no %q", name, key), meant(key, attrNames(ty))}
		}
		c, err := conform(name+"."+key, e, want)
		if err != nil {
			return cty.NilVal, err
		}
		vals[key] = c
	}
	for key, want := range types {
		if _, given := vals[key]; !given {
			vals[key] = cty.NullVal(want)
		}
	}
	return cty.ObjectVal(vals), nil
}
