package versionlock

import (
	"strings"
	"testing"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const locked = "\n# Added lock on Fri\npostgresql-server-0:10.23-4.*\n!php-0:7.4.*\r\n\nmariadb-server-3:10.3.*"

func edit(pattern string, absent bool) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, Name: pattern}, Absent: absent}
}

func TestLocks(t *testing.T) {
	tree := lenstest.Tree{list: locked}
	rs, diags := Lens{}.Get(tree)
	var got []string
	for _, r := range rs {
		got = append(got, r.Addr.Name)
	}
	if strings.Join(got, " ") != "postgresql-server-0:10.23-4.* !php-0:7.4.* mariadb-server-3:10.3.*" || len(diags) > 0 {
		t.Errorf("got %v %v", got, diags)
	}
	lenstest.GetPut(t, Lens{}, tree)
	lenstest.PutGot(t, Lens{}, tree)
	after := lenstest.PutGet(t, Lens{}, tree, edit("!php-0:7.4.*", true), edit("redis-0:6.*", false), edit("bind-*", false), edit("nothing", true))
	if want := strings.Replace(locked, "!php-0:7.4.*\r\n", "", 1) + "\nbind-*\nredis-0:6.*\n"; after[list] != want {
		t.Errorf("got %q\nwant %q", after[list], want)
	}
	if after := lenstest.PutGet(t, Lens{}, lenstest.Tree{}, edit("x-*", false)); after[list] != "x-*\n" {
		t.Errorf("a new list: %q", after[list])
	}
	for _, bad := range []string{"", "# x", "a b", "a\nb", "!"} {
		if files, _, diags := (Lens{}).Put(tree, []engine.Edit{edit(bad, false)}); !diags.HasErrors() || len(files) > 0 {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add(locked)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tree := lenstest.Tree{list: text}
		lenstest.GetPut(t, Lens{}, tree)
		lenstest.PutGet(t, Lens{}, tree, edit("fuzzed-*", false))
	})
}
