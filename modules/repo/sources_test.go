package repo

import (
	"testing"

	"hikae/engine"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

func TestSources(t *testing.T) {
	moduletest.Sources(t, NewKeys(), engine.Scope{}, hosttest.New(t))
}
