package account

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/hosts/local"
)

// This test changes the accounts of the machine it runs on. HIKAE_TEST_ON_HOST
// says that it may be changed: a host of the lab, where the compiled test is run
// as root.

func realHost(t *testing.T) *local.Host {
	t.Helper()
	if os.Getenv("HIKAE_TEST_ON_HOST") == "" {
		t.Skip("HIKAE_TEST_ON_HOST is not set: this is no host to try things on")
	}
	h, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func ours(all map[string]cty.Value) map[string]cty.Value {
	got := map[string]cty.Value{}
	for n, v := range all {
		if strings.HasPrefix(n, "hk") || n == "games" {
			got[n] = v
		}
	}
	return got
}

// Accounts that the host's own tools made, forgotten and made again by hikae,
// are the same to everyone who asks.
func TestOnHost(t *testing.T) {
	h := realHost(t)
	users := []string{"hkbob", "hkcarol", "hkworker", "hkfamily"}
	clean := func() {
		for _, u := range users {
			_ = exec.Command("userdel", "-r", u).Run()
			_ = exec.Command("groupdel", u).Run()
		}
	}
	clean()
	t.Cleanup(clean)
	for _, argv := range [][]string{
		{"groupadd", "-g", "1777", "hkfamily"},
		{"useradd", "-m", "-u", "1778", "-c", "Bob C", "-G", "hkfamily", "-p", "$6$bobsalt$bobhash", "hkbob"},
		{"useradd", "-m", "-g", "hkfamily", "-e", "2031-02-03", "hkcarol"},
		{"useradd", "-r", "-s", "/sbin/nologin", "hkworker"},
		{"chage", "-M", "90", "-W", "3", "hkbob"},
	} {
		tool(t, argv...)
	}
	ask := func() string {
		var b strings.Builder
		for _, argv := range [][]string{
			{"id", "hkbob"}, {"id", "hkcarol"}, {"id", "-Gn", "hkworker"}, {"getent", "shadow", "hkbob"}, {"getent", "passwd", "hkcarol"},
			{"chage", "-l", "hkbob"}, {"stat", "-c", "%U %G %a %n", "/home/hkbob", "/home/hkbob/.bashrc"},
		} {
			out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
			if err != nil {
				t.Errorf("%q: %v\n%s", argv, err, out)
			}
			b.Write(out)
		}
		return b.String()
	}
	before := ask()
	v := vault{}
	want := []map[string]cty.Value{ours(read(t, Group{}, h, v)), ours(read(t, User{}, h, v))}
	// clean removes the groups as userdel does, and the homes.
	clean()
	for i, m := range Modules() {
		if _, err := apply(m, h, v, plan(m, want[i], ours(read(t, m, h, v)))...); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range Modules() {
		if left := plan(m, want[i], ours(read(t, m, h, v))); len(left) > 0 {
			t.Errorf("still to do: %+v", left)
		}
	}
	if after := ask(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	for _, argv := range [][]string{{"pwck", "-r", "-q"}, {"grpck", "-r"}} {
		tool(t, argv...)
	}
}

// useradd waits while hikae holds the locks, and hikae while a tool does.
func TestLocksOnHost(t *testing.T) {
	h := realHost(t)
	unlock, err := h.LockAccounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("userdel", "-r", "hkwait").Run() })
	cmd := exec.Command("useradd", "-r", "hkwait")
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("useradd went on though the files are locked")
		}
	case <-time.After(2 * time.Second):
		unlock()
		if err := <-done; err != nil {
			t.Errorf("useradd after the lock was released: %v", err)
		}
		return
	}
	unlock()
}
