package view

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// Nothing that a host says steers the terminal: not in an error, whose lines
// may be a journal's, nor in the names of a plan.
func TestHostsTextIsHarmless(t *testing.T) {
	const evil = "x\x1b]0;owned\x07\u009b2J"
	var out bytes.Buffer
	v := New(&out, &out, false)
	v.Error("h", errors.New("cannot: "+evil+"\nsecond line"), nil)
	v.Plan(PlanView{Plan: &engine.Plan{
		Host: "h", Left: []engine.Note{{Addr: engine.Addr{Kind: "file", Name: evil}, Why: evil}},
		Changes: []engine.Change{{
			Addr: engine.Addr{Kind: "file", Name: "/etc/" + evil}, Action: engine.Create, Why: evil,
			After: &engine.Resource{Node: &hosts.Node{Type: hosts.File, Owner: evil, Group: evil}},
		}},
	}, Schemas: []engine.Schema{{Kind: "file", Node: true, Stage: engine.StageConfig}}})
	if got := out.String(); strings.ContainsAny(got, "\x1b\x07\u009b") || !strings.Contains(got, "\nsecond line") {
		t.Errorf("got %q", got)
	}
}
