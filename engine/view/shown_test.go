package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

func vhost(name string, listen int, password string) *engine.Resource {
	addrs := make([]cty.Value, listen)
	for i := range addrs {
		addrs[i] = cty.StringVal(fmt.Sprintf("192.0.2.%d:80", i+1))
	}
	return &engine.Resource{Addr: engine.Addr{Kind: "vhost", Name: name}, Value: cty.ObjectVal(map[string]cty.Value{
		"listen": cty.ListVal(addrs), "password": cty.StringVal(password), "file": cty.StringVal(name),
	})}
}

func TestShown(t *testing.T) {
	p := PlanView{
		Plan: &engine.Plan{Host: "h", Changes: []engine.Change{}},
		LensKinds: []engine.Schema{{Kind: "vhost", Attrs: []engine.Attr{
			{Name: "listen", Type: cty.List(cty.String)}, {Name: "password", Type: cty.String, Secret: true}, {Name: "file", Type: cty.String, Info: true},
		}}},
	}
	a, b := vhost("www\x1b", 30, "sesame"), vhost("www\x1b", 3, "mellon")
	changes := []engine.Change{{Addr: a.Addr, Action: engine.Update, Before: a, After: b}}
	for i := range maxShown + 4 {
		changes = append(changes, engine.Change{Addr: engine.Addr{Kind: "zone", In: "external", Name: fmt.Sprint(i)}, Action: engine.Delete})
	}
	var out strings.Builder
	v := New(&bytes.Buffer{}, &bytes.Buffer{}, false)
	v.shown(&out, p, changes)
	got := out.String()
	for _, want := range []string{
		"      ~ vhost \"www\\x1b\"\n          listen:\n            - \"192.0.2.4:80\"\n",
		"            - and 17 more\n          password: (secret) -> (secret)\n",
		"      - zone \"external\" \"0\"\n", "      and 5 more\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "sesame") || strings.Contains(got, "mellon") || strings.Contains(got, "file") {
		t.Errorf("more is told than is to be:\n%s", got)
	}
	p.Shown = map[string][]engine.Change{"/f": changes}
	if js := shownAsJSON(p, "/f"); len(js) != len(changes) || js[0].Kind != "vhost" || js[0].Attributes[1].Before != Redacted {
		t.Errorf("%+v", js)
	}
}
