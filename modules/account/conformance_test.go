package account

import (
	"os"
	"path/filepath"
	"testing"

	"hikae/engine"
	"hikae/hosts/hosttest"
	"hikae/modules/moduletest"
)

// onDisk puts a fake's files on a real file system.
func onDisk(tb testing.TB, f *fake, more map[string]string) *hosttest.Host {
	tb.Helper()
	h := hosttest.New(tb)
	for p, data := range f.data {
		h.Write(p, string(data))
		if err := os.Chmod(h.Path(p), os.FileMode(f.nodes[p].Mode)); err != nil {
			tb.Fatal(err)
		}
	}
	for p, data := range more {
		h.Write(p, data)
	}
	return h
}

func TestUserConformance(t *testing.T) {
	groups := source()
	moduletest.Run(t, moduletest.Case{
		Module: User{},
		Source: func(tb testing.TB) *hosttest.Host { return onDisk(tb, source(), nil) },
		Target: func(tb testing.TB) *hosttest.Host {
			f := newFake()
			f.data[passwdPath] = append(f.data[passwdPath], "gone:x:1500:100::/home/gone:/bin/sh\n"...)
			return onDisk(tb, f, map[string]string{groupPath: string(groups.data[groupPath])})
		},
		Base: []engine.Addr{{Kind: UserKind, Name: "gone"}},
	})
}

func TestGroupConformance(t *testing.T) {
	moduletest.Run(t, moduletest.Case{
		Module: Group{},
		Source: func(tb testing.TB) *hosttest.Host { return onDisk(tb, source(), nil) },
		Target: func(tb testing.TB) *hosttest.Host {
			f := newFake()
			f.data[groupPath] = append(f.data[groupPath], "gone:x:1500:ann\n"...)
			return onDisk(tb, f, nil)
		},
		Base: []engine.Addr{{Kind: GroupKind, Name: "gone"}},
	})
}

// What is on disk after an apply has the owners and modes it should.
func TestHomeOnDisk(t *testing.T) {
	h := onDisk(t, newFake(), map[string]string{groupPath: string(source().data[groupPath])})
	v := vault{}
	if _, err := apply(User{}, h, v, plan(User{}, read(t, User{}, source(), v), read(t, User{}, h, v))...); err != nil {
		t.Fatal(err)
	}
	h.Reopen() // it remembers names for a moment
	for p, want := range map[string]uint32{"/home/bob": 0o700, "/home/bob/.procmailrc": 0o600, "/home/bob/.bashrc": 0o644} {
		n, err := h.Stat(p)
		if err != nil || n.Mode != want || n.Owner != "bob" || n.Group != "bob" {
			t.Errorf("%s is %+v, %v", p, n, err)
		}
	}
	if n, err := h.Stat(shadowPath); err != nil || n.Mode != 0 {
		t.Errorf("shadow is %+v, %v", n, err)
	}
	left, err := filepath.Glob(h.Path("/etc/.hikae.*"))
	locks, err2 := filepath.Glob(h.Path("/etc/[a-z]*.lock"))
	if err != nil || err2 != nil || len(left)+len(locks) > 0 {
		t.Errorf("left behind: %v %v, %v %v", left, locks, err, err2)
	}
}
