package packages

import (
	"fmt"
	"testing"

	"hikae/engine"
	"hikae/modules/rpmtest"
)

// What alone has what another requires is needed by it.
func TestNeeds(t *testing.T) {
	h, m, _ := newHost(t,
		rpmtest.Spec{Name: "byname", EVR: "1-1", Arch: "noarch", More: "Requires: lib"},
		rpmtest.Spec{Name: "byversion", EVR: "1-1", Arch: "noarch", More: "Requires: lib >= 1.5, tool < 4, tool = 3"},
		rpmtest.Spec{Name: "byfile", EVR: "1-1", Arch: "noarch", More: "Requires: /etc/tool/conf"},
		rpmtest.Spec{Name: "bymany", EVR: "1-1", Arch: "noarch", More: "Requires: mta"},
		rpmtest.Spec{Name: "mta1", EVR: "1-1", Arch: "noarch", More: "Provides: mta"},
		rpmtest.Spec{Name: "mta2", EVR: "1-1", Arch: "noarch", More: "Provides: mta = 2"},
		rpmtest.Spec{Name: "byitself", EVR: "1-1", Arch: "noarch", More: "Requires: byitself = 1\nProvides: mine\nRequires: mine"},
		rpmtest.Spec{Name: "bycondition", EVR: "1-1", Arch: "noarch", More: "Requires: (lib if tool)"})
	needs := map[string]string{
		"byname": "[package:lib]", "byversion": "[package:lib package:tool]", "byfile": "[package:tool]",
		"bymany": "[]", "byitself": "[]", "bycondition": "[]", "lib": "[]", "tool": "[]", "mta1": "[]", "mta2": "[]",
	}
	var all []engine.Resource
	for name := range needs {
		all = append(all, want(name, "", true))
	}
	mustApply(t, m, h, all)
	got, _ := read(t, m, h)
	for name, want := range needs {
		if s := fmt.Sprint(got[name].Needs); s != want {
			t.Errorf("%s needs %s, want %s", name, s, want)
		}
	}
}
