package lang

import (
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/hosts"
)

// Generators of what a host may hold, hostile as it may be.

// rawBytes are texts with all that is odd: invalid UTF-8, NULs, accents apart,
// marks of templates, escapes, spaces.
func rawBytes() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"a", "x.conf", "é", "e\u0301", "\xff", "\xc3", "\x00", "\n", "\r", "\t", " ", "%", "%41", "%{", "${", "$${", "%%{", "$", "{", "}",
		"\"", "\\", "#", "//", "-", "=", ":", "@", "!", "\u202e", "\u00a0", "\ufeff", "日本", "👍", "\u0301", "EOT", "<<EOT", "/*",
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "bytes") {
			return string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "raw"))
		}
		s := ""
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			s += pieces.Draw(t, "piece")
		}
		return s
	})
}

func genPath(t *rapid.T) string {
	p := ""
	for range rapid.IntRange(1, 3).Draw(t, "depth") {
		name := rawBytes().Filter(func(s string) bool {
			return s != "" && checkPath("/"+s) == nil && len(s) < 60
		}).Draw(t, "name")
		p += "/" + name
	}
	if checkPath(p) != nil {
		return "/x"
	}
	return p
}

func genID(t *rapid.T) hosts.ID {
	var id hosts.ID
	copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, "id"))
	return id
}

func genContent(t *rapid.T) hosts.Content {
	return hosts.Content{
		Size:   rapid.Int64Min(0).Draw(t, "size"),
		ID:     genID(t),
		Sealed: rapid.Bool().Draw(t, "sealed"),
	}
}

func genNode(t *rapid.T) *hosts.Node {
	kind := rapid.SampledFrom([]hosts.NodeType{hosts.Absent, hosts.File, hosts.File, hosts.File, hosts.Dir, hosts.Link, hosts.Other}).Draw(t, "type")
	n := blankNode(kind)
	if kind == hosts.Absent {
		return n
	}
	some := func(field *string, name string) {
		if rapid.IntRange(0, 3).Draw(t, name+"?") == 0 {
			*field = rawBytes().Draw(t, name)
		}
	}
	if rapid.Bool().Draw(t, "mode?") {
		n.Mode = rapid.Uint32Range(0, maxMode).Draw(t, "mode")
	}
	some(&n.Owner, "owner")
	some(&n.Group, "group")
	some(&n.ACL, "acl")
	some(&n.DefaultACL, "default_acl")
	some(&n.Caps, "caps")
	some(&n.Label, "label")
	some(&n.Link, "link")
	if rapid.IntRange(0, 3).Draw(t, "xattrs?") == 0 {
		n.Xattrs = rapid.MapOfN(rawBytes(), rawBytes(), 0, 3).Draw(t, "xattrs")
	}
	if kind == hosts.File {
		n.Content = genContent(t)
	}
	return n
}

// genValue draws a value of a type.
func genValue(t *rapid.T, ty cty.Type) cty.Value {
	if rapid.IntRange(0, 4).Draw(t, "null?") == 0 {
		return cty.NullVal(ty)
	}
	switch {
	case ty == cty.String:
		if rapid.IntRange(0, 5).Draw(t, "lines?") == 0 {
			return cty.StringVal(rawBytes().Draw(t, "line") + "\n" + rawBytes().Draw(t, "line") + "\n")
		}
		return cty.StringVal(rawBytes().Draw(t, "string"))
	case ty == cty.Bool:
		return cty.BoolVal(rapid.Bool().Draw(t, "bool"))
	case ty == cty.Number:
		if rapid.Bool().Draw(t, "whole") {
			return cty.NumberIntVal(rapid.Int64().Draw(t, "int"))
		}
		return cty.NumberFloatVal(rapid.Float64Range(-1e200, 1e200).Draw(t, "float"))
	case ty.IsListType(), ty.IsSetType():
		var vals []cty.Value
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			vals = append(vals, genValue(t, ty.ElementType()))
		}
		switch {
		case ty.IsListType() && len(vals) == 0:
			return cty.ListValEmpty(ty.ElementType())
		case ty.IsListType():
			return cty.ListVal(vals)
		case len(vals) == 0:
			return cty.SetValEmpty(ty.ElementType())
		}
		return cty.SetVal(vals)
	case ty.IsMapType():
		vals := map[string]cty.Value{}
		for range rapid.IntRange(0, 3).Draw(t, "len") {
			vals[cty.NormalizeString(rawBytes().Draw(t, "key"))] = genValue(t, ty.ElementType())
		}
		if len(vals) == 0 {
			return cty.MapValEmpty(ty.ElementType())
		}
		return cty.MapVal(vals)
	}
	vals := map[string]cty.Value{}
	for _, name := range attrNames(ty) { // in an order that a seed repeats
		vals[name] = genValue(t, ty.AttributeType(name))
	}
	return cty.ObjectVal(vals)
}

func genResource(t *rapid.T, s engine.Schema) engine.Resource {
	r := engine.Resource{Addr: engine.Addr{Kind: s.Kind}}
	if s.Node {
		r.Addr.Name = genPath(t)
		r.Node = genNode(t)
	} else {
		r.Addr.Name = rawBytes().Filter(func(s string) bool { return s != "" }).Draw(t, "name")
		if rapid.IntRange(0, 5).Draw(t, "node?") == 0 {
			r.Node = genNode(t)
		}
		if rapid.IntRange(0, 5).Draw(t, "in?") == 0 {
			r.Addr.In = rawBytes().Draw(t, "in")
		}
	}
	if len(s.Attrs) > 0 {
		vals := map[string]cty.Value{}
		for _, a := range s.Attrs {
			switch {
			case a.Secret && rapid.Bool().Draw(t, "secret?"):
				vals[a.Name] = cty.StringVal(engine.SecretRef(hosts.Content{ID: genID(t), Size: rapid.Int64Min(0).Draw(t, "size"), Sealed: true}))
			case a.Secret:
				vals[a.Name] = cty.NullVal(a.Type)
			default:
				vals[a.Name] = genValue(t, a.Type)
			}
		}
		r.Value = cty.ObjectVal(vals)
	}
	if rapid.Bool().Draw(t, "owned?") {
		r.Package = rawBytes().Draw(t, "package")
		switch rapid.IntRange(0, 2).Draw(t, "pristine?") {
		case 0:
			r.Pristine = genNode(t)
		case 1:
			r.Pristine = r.Node.Clone()
		}
	}
	return r
}

func genSnapshot(t *rapid.T) *engine.Snapshot {
	s := &engine.Snapshot{
		Host:    rawBytes().Draw(t, "host"),
		Taken:   time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "nsec")).UTC(),
		Version: rawBytes().Draw(t, "version"),
		Facts: hosts.Facts{
			Hostname: rawBytes().Draw(t, "hostname"), Systemd: rapid.Bool().Draw(t, "systemd"), Booted: rapid.Int64().Draw(t, "booted"),
		},
	}
	seen := map[engine.Addr]bool{}
	schemas := testSchemas()
	for range rapid.IntRange(0, 12).Draw(t, "resources") {
		r := genResource(t, rapid.SampledFrom(schemas).Draw(t, "kind"))
		if !seen[r.Addr] {
			seen[r.Addr] = true
			s.Resources = append(s.Resources, r)
		}
	}
	sortResources(s.Resources)
	for i := range rapid.IntRange(0, 3).Draw(t, "coverage") {
		if s.Coverage == nil {
			s.Coverage = map[string]engine.Coverage{}
		}
		c := engine.Coverage{
			Whole:   rapid.Bool().Draw(t, "whole"),
			Roots:   rapid.SliceOfN(rawBytes(), 0, 4).Draw(t, "roots"),
			Mounts:  rapid.SliceOfN(rawBytes(), 0, 3).Draw(t, "mounts"),
			Notes:   rapid.SliceOfN(rawBytes(), 0, 4).Draw(t, "notes"),
			Skipped: rapid.MapOfN(rawBytes(), rapid.Int(), 0, 3).Draw(t, "skipped"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "holes") {
			c.Holes = append(c.Holes, engine.Hole{Path: rawBytes().Draw(t, "path"), Err: rawBytes().Draw(t, "err")})
		}
		s.Coverage[fmt.Sprint("k", i)] = c
	}
	return s
}
