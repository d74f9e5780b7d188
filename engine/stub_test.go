package engine

import (
	"context"

	"hikae/hosts"
)

// stubModule is a kind that does nothing: for what must be refused before any
// module is asked.
type stubModule struct{ s Schema }

func (m stubModule) Schema() Schema { return m.s }

func (stubModule) Read(context.Context, hosts.Reader, Scope, func(Resource) error) (Coverage, error) {
	return Coverage{}, nil
}

func (stubModule) Apply(context.Context, hosts.Host, Job) error { return nil }
