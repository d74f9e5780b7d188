package engine

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// Ranges of subordinate ids that another account of the host has stay open, and
// the plan says whose they are; all else of the user follows.
func TestSubordinateIDsOfAnother(t *testing.T) {
	ranges := cty.Set(cty.String)
	schemas := []Schema{{Kind: "user", Stage: StageConfig, Attrs: []Attr{{Name: "uid", Type: cty.Number}, {Name: "subuid", Type: ranges}}}}
	user := func(name string, uid int64, sub ...string) Resource {
		v := cty.SetValEmpty(cty.String)
		if len(sub) > 0 {
			v = cty.SetVal([]cty.Value{cty.StringVal(sub[0])})
		}
		return Resource{Addr: Addr{Kind: "user", Name: name}, Value: cty.ObjectVal(map[string]cty.Value{"uid": cty.NumberIntVal(uid), "subuid": v})}
	}
	for name, tc := range map[string]struct {
		wished, have []Resource
		left, change string // the ranges of ann that are applied
	}{
		"free":                {[]Resource{user("ann", 1000, "100000:10")}, []Resource{user("eve", 1001, "100010:10")}, "", "100000:10"},
		"another's":           {[]Resource{user("ann", 1000, "100000:10")}, []Resource{user("eve", 1001, "100009:10")}, "100009 to 100018 are eve's", ""},
		"had so already":      {[]Resource{user("ann", 2, "100000:10")}, []Resource{user("ann", 1, "100000:10"), user("eve", 1001, "100009:10")}, "", "100000:10"},
		"the other gets away": {[]Resource{user("ann", 1000, "100000:10"), user("eve", 1001, "5:5")}, []Resource{user("eve", 1001, "100009:10")}, "", "100000:10"},
	} {
		t.Run(name, func(t *testing.T) {
			d, diags := Compile(Want{Host: "standby", Source: snapshot(tc.wished...), Schemas: schemas})
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			p := MakePlan("standby", d, actual(tc.have...), nil, schemas)
			if len(p.Left) > 1 || (len(p.Left) == 1) != (tc.left != "") || len(p.Left) == 1 && !strings.Contains(p.Left[0].Why, tc.left) {
				t.Errorf("left: %v", p.Left)
			}
			got := cty.NullVal(ranges)
			for _, c := range p.Changes {
				if c.Addr.Name == "ann" {
					got = c.After.Value.GetAttr("subuid")
				}
			}
			if tc.change == "" && !got.IsNull() || tc.change != "" && (got.IsNull() || !got.RawEquals(cty.SetVal([]cty.Value{cty.StringVal(tc.change)}))) {
				t.Errorf("subuid = %#v", got)
			}
		})
	}
}
