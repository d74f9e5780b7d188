package lang

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// wanted names a type in a diagnostic.
func wanted(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "a string"
	case ty == cty.Bool:
		return "true or false"
	case ty == cty.Number:
		return "a number"
	case ty.IsListType(), ty.IsSetType():
		return "a list of " + plural(ty.ElementType())
	case ty.IsMapType():
		return "a map of " + plural(ty.ElementType())
	case ty.IsObjectType():
		return "an object with " + strings.Join(attrNames(ty), ", ")
	}
	return ty.FriendlyName()
}

func plural(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "strings"
	case ty == cty.Bool:
		return "bools"
	case ty == cty.Number:
		return "numbers"
	case ty.IsObjectType():
		return "objects"
	case ty.IsMapType():
		return "maps"
	}
	return "lists"
}

// example is a value of the type, as one would write it.
func example(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return `"text"`
	case ty == cty.Bool:
		return "true"
	case ty == cty.Number:
		return "10"
	case ty.IsListType(), ty.IsSetType():
		return "[" + example(ty.ElementType()) + "]"
	case ty.IsMapType():
		return "{ name = " + example(ty.ElementType()) + " }"
	case ty.IsObjectType():
		var fields []string
		for _, name := range attrNames(ty) {
			fields = append(fields, name+" = "+example(ty.AttributeType(name)))
		}
		return "{ " + strings.Join(fields, ", ") + " }"
	}
	return "null"
}

func attrNames(ty cty.Type) []string {
	var names []string
	for name := range ty.AttributeTypes() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
