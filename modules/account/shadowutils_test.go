package account

import (
	"os/exec"
	"testing"

	"hikae/hosts/hosttest"
)

// tool runs one of shadow-utils' programs on the host's own files.
func tool(tb testing.TB, argv ...string) {
	tb.Helper()
	if out, err := exec.CommandContext(tb.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		tb.Fatalf("%q: %v\n%s", argv, err, out)
	}
}

// sound has pwck and grpck look at the files.
func sound(tb testing.TB, h *hosttest.Host) {
	tb.Helper()
	for _, argv := range [][]string{
		{"pwck", "-r", "-q", "-R", h.Root},
		{"grpck", "-r", "-R", h.Root},
	} {
		tool(tb, argv...)
	}
}

// bare is a host as an installer leaves it, whose files pwck has nothing
// against.
func bare(tb testing.TB) *hosttest.Host {
	tb.Helper()
	h := onDisk(tb, newFake(), map[string]string{
		"/etc/login.defs":                    "UID_MIN 1000\nGID_MIN 1000\nSYS_UID_MIN 201\nSYS_GID_MIN 201\nPASS_MAX_DAYS 99999\nPASS_MIN_DAYS 0\nPASS_WARN_AGE 7\nUSERGROUPS_ENAB yes\n",
		"/etc/default/useradd":               "HOME=/home\nSHELL=/bin/bash\nSKEL=/etc/skel\n",
		"/etc/skel/.spamassassin/user_prefs": "required_score 5\n",
	})
	return h
}

// Accounts that useradd, usermod, gpasswd and chage made are carried, and
// shadow-utils finds the result as sound as its own.
func TestAccountsOfShadowUtils(t *testing.T) {
	for _, p := range []string{"useradd", "usermod", "groupadd", "pwck", "grpck"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
	from, to := bare(t), bare(t)
	at := []string{"-R", from.Root}
	for _, argv := range [][]string{
		append([]string{"groupadd"}, append(at, "-g", "1200", "family")...),
		append([]string{"groupadd"}, append(at, "-r", "mail2")...),
		append([]string{"useradd"}, append(at, "-m", "-c", "Bob C", "-s", "/bin/bash", "-G", "family,wheel", "-p", "$6$bobsalt$bobhash", "bob")...),
		append([]string{"useradd"}, append(at, "-M", "-u", "1500", "-g", "family", "-e", "2031-02-03", "-f", "20", "carol")...),
		append([]string{"useradd"}, append(at, "-r", "-M", "-s", "/sbin/nologin", "-G", "mail2", "worker")...),
		append([]string{"usermod"}, append(at, "-L", "-c", "Ann Z", "ann")...),
	} {
		tool(t, argv...)
	}
	sound(t, from)
	v := vault{}
	for _, m := range Modules() {
		cs := plan(m, read(t, m, from, v), read(t, m, to, v))
		if len(cs) == 0 {
			t.Fatalf("nothing to do for %s", m.Schema().Kind)
		}
		if _, err := apply(m, to, v, cs...); err != nil {
			t.Fatal(err)
		}
		if left := plan(m, read(t, m, from, v), read(t, m, to, v)); len(left) > 0 {
			t.Errorf("still to do: %+v", left)
		}
	}
	sound(t, to)
	for _, p := range []string{".bashrc", ".spamassassin/user_prefs"} {
		if to.Text("/home/bob/"+p) != from.Text("/etc/skel/"+p) {
			t.Errorf("bob's %s is not the skeleton's", p)
		}
	}
	// And shadow-utils can go on where hikae ended.
	tool(t, "useradd", "-R", to.Root, "-M", "dave")
	tool(t, "userdel", "-R", to.Root, "bob")
	sound(t, to)
}
