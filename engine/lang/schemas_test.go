package lang

import (
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// testSchemas has a kind of every sort: all node, with a lock, with secrets,
// and with every type of attribute.
func testSchemas() []engine.Schema {
	return []engine.Schema{
		{Kind: "file", Label: "absolute path", Stage: engine.StageConfig, Node: true},
		{Kind: "package", Label: "package name", Stage: engine.StageSystem, Attrs: []engine.Attr{
			{Name: "version", Type: cty.String},
			{Name: "asked", Type: cty.Bool, Default: cty.True},
			{Name: "exact", Type: cty.Bool},
			{Name: "repo", Type: cty.String, Info: true},
			{Name: "source", Type: cty.String, Info: true, File: true},
		}},
		{Kind: "service", Label: "unit's name", Stage: engine.StageConfig, Attrs: []engine.Attr{
			{Name: "enabled", Type: cty.Bool},
			{Name: "masked", Type: cty.Bool, Default: cty.False},
			{Name: "running", Type: cty.Bool},
		}},
		{Kind: "user", Label: "name", Stage: engine.StageConfig, Attrs: []engine.Attr{
			{Name: "uid", Type: cty.Number},
			{Name: "shell", Type: cty.String},
			{Name: "groups", Type: cty.Set(cty.String)},
			{Name: "password", Type: cty.String, Secret: true},
		}},
		{Kind: "thing", Attrs: []engine.Attr{
			{Name: "text", Type: cty.String, Default: cty.StringVal("usual")},
			{Name: "flag", Type: cty.Bool, Default: cty.True},
			{Name: "number", Type: cty.Number, Default: cty.NumberIntVal(7)},
			{Name: "list", Type: cty.List(cty.String), Default: cty.ListValEmpty(cty.String)},
			{Name: "map", Type: cty.Map(cty.Number)},
			{Name: "objects", Type: cty.List(cty.Object(map[string]cty.Type{"name": cty.String, "port": cty.Number, "tags": cty.Set(cty.String)}))},
		}},
		{Kind: "tree", Label: "absolute path", Node: true, Attrs: []engine.Attr{{Name: "note", Type: cty.String}}},
	}
}
