package packages

import (
	"testing"

	"hikae/engine"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

func TestSources(t *testing.T) {
	h := hosttest.New(t)
	h.Write(historyPath, "")
	h.Write(modulesDir+"/php.module", "[php]\nname=php\nstream=7.4\nstate=enabled\n")
	moduletest.Sources(t, New(), engine.Scope{}, h)
	moduletest.Sources(t, NewStreams(), engine.Scope{}, h)
}
