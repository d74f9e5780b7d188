package agent

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// Attributes travel as plain CBOR, read by the type that the kind's schema
// gives them: an object as an array of its attributes in the order of their
// names, a map as an array of keys and values in turn, a number as an integer
// or, where it is none, as text. (cty's own msgpack allocates what a length
// field says before the bytes are there, and carries unknown values.)

// maxValue bounds the encoded attributes of one resource, in bytes. Larger
// collections stay files.
const maxValue = 1 << 20

func (c *codec) marshalValue(v cty.Value) ([]byte, error) {
	if v == cty.NilVal {
		return nil, nil
	}
	plain, err := fromValue(v)
	if err != nil {
		return nil, err
	}
	b, err := c.marshal(plain)
	if err != nil {
		return nil, err
	}
	if len(b) > maxValue {
		return nil, fmt.Errorf("attributes are %d bytes, at most %d are allowed", len(b), maxValue)
	}
	return b, nil
}

func (c *codec) unmarshalValue(b []byte, ty cty.Type) (cty.Value, error) {
	if len(b) == 0 {
		return cty.NilVal, nil
	}
	if len(b) > maxValue {
		return cty.NilVal, protocolError("attributes are %d bytes, at most %d are allowed", len(b), maxValue)
	}
	var plain any
	if err := c.unmarshal(b, &plain); err != nil {
		return cty.NilVal, err
	}
	v, err := toValue(plain, ty)
	if err != nil {
		return cty.NilVal, protocolError("attributes: %w", err)
	}
	return v, nil
}

// unmarshalAttrs reads the attributes of a resource, which are not null as a
// whole, though each may be.
func (c *codec) unmarshalAttrs(b []byte, ty cty.Type) (cty.Value, error) {
	v, err := c.unmarshalValue(b, ty)
	if err == nil && v != cty.NilVal && v.IsNull() {
		return cty.NilVal, protocolError("attributes are null")
	}
	return v, err
}

// fromValue gives v as nil, bool, integer, string or []any.
func fromValue(v cty.Value) (any, error) {
	if v.IsMarked() || !v.IsKnown() {
		return nil, fmt.Errorf("a value that is marked or unknown cannot be sent")
	}
	if v.IsNull() {
		return nil, nil
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		return v.AsString(), nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		return fromNumber(v.AsBigFloat())
	case ty.IsObjectType():
		names := attrNames(ty)
		out := make([]any, 0, len(names))
		for _, name := range names {
			item, err := fromValue(v.GetAttr(name))
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		return out, nil
	case ty.IsMapType():
		var out []any
		for k, e := range v.Elements() { // in the order of the keys
			item, err := fromValue(e)
			if err != nil {
				return nil, err
			}
			out = append(out, k.AsString(), item)
		}
		return nonNil(out), nil
	case ty.IsListType(), ty.IsSetType(), ty.IsTupleType():
		var out []any
		for _, e := range v.Elements() {
			item, err := fromValue(e)
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		return nonNil(out), nil
	}
	return nil, fmt.Errorf("a value of type %s cannot be sent", ty.FriendlyName())
}

// nonNil keeps an empty collection apart from a null one.
func nonNil(s []any) []any {
	if s == nil {
		return []any{}
	}
	return s
}

func attrNames(ty cty.Type) []string {
	attrs := ty.AttributeTypes()
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func fromNumber(f *big.Float) (any, error) {
	if f.IsInf() {
		return nil, fmt.Errorf("infinity cannot be sent")
	}
	if i, acc := f.Int64(); acc == big.Exact {
		return i, nil
	}
	// cty takes integers for equal that are, other numbers whose text is.
	if f.IsInt() {
		return f.Text('f', 0), nil
	}
	return f.Text('g', -1), nil
}

func toValue(plain any, ty cty.Type) (cty.Value, error) {
	if plain == nil {
		return cty.NullVal(ty), nil
	}
	switch {
	case ty == cty.String:
		if s, ok := plain.([]byte); ok {
			return cty.StringVal(string(s)), nil
		}
	case ty == cty.Bool:
		if b, ok := plain.(bool); ok {
			return cty.BoolVal(b), nil
		}
	case ty == cty.Number:
		return toNumber(plain)
	case ty.IsCollectionType(), ty.IsObjectType(), ty.IsTupleType():
		if items, ok := plain.([]any); ok {
			return toCollection(items, ty)
		}
	}
	return cty.NilVal, fmt.Errorf("%T where %s is wanted", plain, ty.FriendlyName())
}

func toNumber(plain any) (cty.Value, error) {
	switch n := plain.(type) {
	case uint64:
		return cty.NumberUIntVal(n), nil
	case int64:
		return cty.NumberIntVal(n), nil
	case []byte:
		const longest, widest = 1300, 4096
		if len(n) > longest {
			return cty.NilVal, fmt.Errorf("number of %d characters", len(n))
		}
		f, _, err := big.ParseFloat(string(n), 10, 512, big.ToNearestEven)
		if err != nil {
			return cty.NilVal, fmt.Errorf("number: %w", err)
		}
		if e := f.MantExp(nil); f.IsInf() || e > widest || e < -widest {
			return cty.NilVal, fmt.Errorf("number is out of range")
		}
		return cty.NumberVal(f), nil
	}
	return cty.NilVal, fmt.Errorf("%T where a number is wanted", plain)
}

func toCollection(items []any, ty cty.Type) (cty.Value, error) {
	switch {
	case ty.IsObjectType():
		names := attrNames(ty)
		if len(items) != len(names) {
			return cty.NilVal, fmt.Errorf("%d attributes where %d are wanted", len(items), len(names))
		}
		attrs := make(map[string]cty.Value, len(names))
		for i, name := range names {
			v, err := toValue(items[i], ty.AttributeType(name))
			if err != nil {
				return cty.NilVal, fmt.Errorf("%s: %w", name, err)
			}
			attrs[name] = v
		}
		return cty.ObjectVal(attrs), nil
	case ty.IsMapType():
		return toMap(items, ty)
	case ty.IsTupleType():
		types := ty.TupleElementTypes()
		if len(items) != len(types) {
			return cty.NilVal, fmt.Errorf("%d elements where %d are wanted", len(items), len(types))
		}
		vals, err := toValues(items, func(i int) cty.Type { return types[i] })
		if err != nil {
			return cty.NilVal, err
		}
		return cty.TupleVal(vals), nil
	}
	elem := ty.ElementType()
	vals, err := toValues(items, func(int) cty.Type { return elem })
	switch {
	case err != nil:
		return cty.NilVal, err
	case ty.IsSetType() && len(vals) == 0:
		return cty.SetValEmpty(elem), nil
	case ty.IsSetType():
		return cty.SetVal(vals), nil
	case len(vals) == 0:
		return cty.ListValEmpty(elem), nil
	}
	return cty.ListVal(vals), nil
}

func toValues(items []any, typeOf func(int) cty.Type) ([]cty.Value, error) {
	vals := make([]cty.Value, len(items))
	for i, item := range items {
		v, err := toValue(item, typeOf(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		vals[i] = v
	}
	return vals, nil
}

func toMap(items []any, ty cty.Type) (cty.Value, error) {
	elem := ty.ElementType()
	if len(items)%2 != 0 {
		return cty.NilVal, fmt.Errorf("a key without a value")
	}
	if len(items) == 0 {
		return cty.MapValEmpty(elem), nil
	}
	vals := make(map[string]cty.Value, len(items)/2)
	for i := 0; i < len(items); i += 2 {
		key, ok := items[i].([]byte)
		if !ok {
			return cty.NilVal, fmt.Errorf("%T where a key is wanted", items[i])
		}
		if _, twice := vals[string(key)]; twice {
			return cty.NilVal, fmt.Errorf("key %q twice", key)
		}
		v, err := toValue(items[i+1], elem)
		if err != nil {
			return cty.NilVal, fmt.Errorf("[%q]: %w", key, err)
		}
		vals[string(key)] = v
	}
	return cty.MapVal(vals), nil
}
