package execute

import (
	"context"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// files is a kind "file" that does nothing: for what must be refused before any
// module is asked.
type files struct{}

func (files) Schema() engine.Schema {
	return engine.Schema{Kind: "file", Node: true, Stage: engine.StageConfig}
}

func (files) Read(context.Context, hosts.Reader, engine.Scope, func(engine.Resource) error) (engine.Coverage, error) {
	return engine.Coverage{}, nil
}

func (files) Apply(context.Context, hosts.Host, engine.Job) error { return nil }

// Nothing of the host's own is written, whoever asks. One case per built-in rule.
func TestHostOwnIsNeverWritten(t *testing.T) {
	for _, r := range rules.HostOnlyPaths().Rules() {
		t.Run(r.Pattern, func(t *testing.T) {
			a := engine.Addr{Kind: "file", Name: r.Example}
			after := &engine.Resource{Addr: a, Node: &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root"}}
			x := &Executor{Modules: []engine.Module{files{}}}
			_, err := x.Apply(t.Context(), engine.ApplyRequest{Stage: engine.StageConfig, Changes: []engine.Change{{Addr: a, Action: engine.Create, After: after}}}, nil, nil)
			if err == nil || !strings.Contains(err.Error(), "host's own") {
				t.Errorf("the writer takes %s: %v", a, err)
			}
		})
	}
}
