package control

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
)

// What kept everybody out is what no login was seen after, and was put back; where the
// link is lost, also what was being made then, and not what was made before.
func TestLoginsMissing(t *testing.T) {
	a, b, c := engine.Addr{Kind: "file", Name: "/a"}, engine.Addr{Kind: "file", Name: "/b"}, engine.Addr{Kind: "file", Name: "/c"}
	l := &logins{
		connect:  func(context.Context) (*agent.Client, error) { return nil, errors.New("refused") },
		deadline: 10 * time.Millisecond,
	}
	l.begun([]engine.Addr{a})
	l.wanted(t.Context(), "token", "sshd.service", []engine.Addr{a})
	l.begun([]engine.Addr{b, c})
	l.made(b)
	if err := l.end(engine.ApplyResult{RolledBack: true, NotApplied: []engine.Addr{a}}, nil); !errors.Is(err, ErrRolledBack) {
		t.Errorf("it ended with %v", err)
	}
	for _, tt := range []struct {
		lost bool
		not  []engine.Addr
		want []engine.Addr
	}{
		{false, []engine.Addr{a, c}, []engine.Addr{a}}, // /c failed for another reason
		{false, nil, nil}, // the host has seen a login of which we heard nothing
		{true, nil, []engine.Addr{a, c}},
	} {
		if got := l.missing(tt.lost, tt.not); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
