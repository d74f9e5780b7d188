package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/engine/view"
	"hikae/hosts"
	"hikae/hosts/ssh"
	"hikae/modules/all"
	"hikae/modules/rpmtest"
)

// live holds a host of the project open from within the test, as the loop does,
// with agents of the program that is tested.
func (l *lab) live(host string) *control.Live {
	l.t.Helper()
	dir := l.t.TempDir()
	if err := os.Symlink(l.bin, filepath.Join(dir, "hikae-linux-amd64")); err != nil {
		l.t.Fatal(err)
	}
	l.t.Setenv("HIKAE_SSH_CONFIG", l.sshConf)
	a := &app{out: io.Discard, err: io.Discard, dir: l.dir, view: view.New(io.Discard, io.Discard, false)}
	pr, err := a.project()
	if err != nil {
		l.t.Fatal(err)
	}
	login := ssh.Options{Binaries: &ssh.Binaries{Dir: dir}, Opened: new(ssh.Opened)}
	a.connect = func(ctx context.Context, t control.Target) (*agent.Client, error) {
		to, err := ssh.ParseTarget("root@" + t.Name)
		if err != nil {
			return nil, err
		}
		conn, err := ssh.Dial(ctx, to, login)
		if err != nil {
			return nil, err
		}
		return openAgent(ctx, conn, agent.Options{Schemas: all.Schemas(), Host: t.Name, AnyBuild: true})
	}
	ctl, err := a.controller(pr)
	if err != nil {
		l.t.Fatal(err)
	}
	t, err := target(pr, wish{host: host})
	if err != nil {
		l.t.Fatal(err)
	}
	live, err := ctl.Live(l.t.Context(), t, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(live.Close)
	return live
}

const dnfHome = `host "primary" { ssh = "root@primary" }
host "standby" { ssh = "root@standby" }
pair "home" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary
}
`

// dnf on the primary marks the end of each transaction from when hikae's action is
// installed, which is done once and is part of the host's state then.
func TestLabDnfHook(t *testing.T) {
	l := newProject(t, dnfHome)
	l.reset("primary")
	const (
		plugin = "/etc/dnf/plugins/post-transaction-actions.conf"
		action = "/etc/dnf/plugins/post-transaction-actions.d/hikae.action"
		mark   = "/var/lib/hikae/transaction"
	)
	install := func() (bool, string) {
		t.Helper()
		changed, advice, err := l.live("primary").InstallHook(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return changed, advice
	}

	l.exec("primary", "sed -i 's/^enabled.*/enabled = 0/' "+plugin)
	if changed, advice := install(); changed || !strings.Contains(advice, plugin) {
		t.Errorf("where the plug-in is off: changed %v, %q", changed, advice)
	}
	l.exec("primary", "mv "+plugin+" /tmp")
	if changed, advice := install(); changed || !strings.Contains(advice, "install python3-dnf-plugin-post-transaction-actions") {
		t.Errorf("without the plug-in: changed %v, %q", changed, advice)
	}
	l.exec("primary", "test ! -e "+action+" && mv /tmp/post-transaction-actions.conf /etc/dnf/plugins && sed -i 's/^enabled.*/enabled = 1/' "+plugin)
	for i, want := range []bool{true, false} {
		if changed, advice := install(); changed != want || advice != "" {
			t.Errorf("installed for the %d. time: changed %v, %q", i+1, changed, advice)
		}
	}
	if got, want := l.exec("primary", "stat -c '%a %U %G %C' "+action), l.exec("primary", "echo 644 root root $(matchpathcon -n "+action+")"); got != want {
		t.Errorf("the action is %s, want %s", got, want)
	}
	l.ok("snapshot", "primary")
	l.inStep("primary")

	marked := func() string { return l.exec("primary", "stat -c %.9Y "+mark+" 2>/dev/null || true") }
	before := marked()
	for _, cmd := range []string{"dnf -qy install ipcalc", "dnf -qy reinstall ipcalc", "dnf -qy remove ipcalc"} {
		if out := l.exec("primary", cmd+" 2>&1"); strings.Contains(out, "post-transaction-actions") {
			t.Errorf("%s complains: %s", cmd, out)
		}
		after := marked()
		if after == "" || after == before {
			t.Errorf("%s left no mark: %q, then %q", cmd, before, after)
		}
		before = after
	}
	if got := l.exec("primary", "find /var/lib/hikae -maxdepth 0 -printf '%m %u'"); got != "700 root" {
		t.Errorf("/var/lib/hikae is %s", got)
	}
}

// testRepo is a repository of the lab's own web server, of packages built here, that
// hosts take packages from which are told to.
type testRepo struct {
	*lab
	dir string
}

func newTestRepo(l *lab, specs ...rpmtest.Spec) *testRepo {
	l.t.Helper()
	r := &testRepo{l, filepath.Join(l.where, "repos", "hikae-test")}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = os.RemoveAll(r.dir) })
	r.add(specs...)
	return r
}

// add puts packages into the repository.
func (r *testRepo) add(specs ...rpmtest.Spec) {
	r.t.Helper()
	rpmtest.Build(r.t, r.dir, specs)
	rpmtest.CreateRepo(r.t, r.dir)
	if out := r.run("chmod", "-R", "a+rX", r.dir); out.code != 0 {
		r.t.Fatal(out.errOut)
	}
}

// away puts a package on the web server, and not into the repository.
func (r *testRepo) away(dir, name string) {
	r.t.Helper()
	out := r.run("sh", "-c", "mkdir -p "+r.dir+"/away && cp "+filepath.Join(dir, name)+" "+r.dir+"/away && chmod -R a+rX "+r.dir)
	if out.code != 0 {
		r.t.Fatal(out.errOut)
	}
}

// on has a host take packages from it.
func (r *testRepo) on(hosts ...string) {
	r.t.Helper()
	for _, h := range hosts {
		r.exec(h, `printf '[hikae-test]\nname=For tests\nbaseurl=http://10.98.0.1:8098/hikae-test/\ngpgcheck=0\nmetadata_expire=1\n' > /etc/yum.repos.d/hikae-test.repo`)
	}
}

// partial is a follower that takes the packages of the tests and nothing else.
const dnfPartial = `host "primary" { ssh = "root@primary" }
host "fresh" { ssh = "root@fresh" }
host "standby" {
  ssh     = "root@standby"
  follows = pair.home
  only    = ["package:x-*"]
}
pair "home" {
  members         = [host.primary, host.fresh]
  initial_primary = host.primary
}
`

// packages lists what a host has of the tests' packages, and whether on purpose.
func (r *testRepo) packages(host string) string {
	r.t.Helper()
	return strings.Join(strings.Fields(r.exec(host, `rpm -qa --qf '%{NAME}-%{VERSION}\n' 'x-*' | sort`)), " ")
}

// A follower that cannot have a package gets the others; what its own need stays.
func TestLabDnfFollower(t *testing.T) {
	l := newProject(t, dnfPartial)
	l.reset("primary")
	l.reset("standby")
	noarch := func(name, evr, more string) rpmtest.Spec {
		return rpmtest.Spec{Name: name, EVR: evr, Arch: "noarch", More: more}
	}
	r := newTestRepo(l, noarch("x-lib", "1-1", ""), noarch("x-app", "1-1", "Requires: x-lib"), noarch("x-more", "1-1", ""), noarch("x-own", "1-1", "Requires: x-lib"))
	r.on("primary", "standby")
	l.exec("primary", "dnf -qy install x-app x-more 2>&1")
	l.ok("snapshot", "primary")
	l.ok("apply", "standby", "--yes")
	if got := r.packages("standby"); got != "x-app-1 x-lib-1 x-more-1" {
		t.Fatalf("the standby has %s", got)
	}

	// The primary removes what a package of the standby's own needs.
	l.exec("standby", "dnf -qy install x-own 2>&1")
	l.exec("primary", "dnf -qy remove x-app x-lib 2>&1")
	l.ok("snapshot", "primary")
	for range 2 {
		if out := l.ok("apply", "standby", "--yes"); !strings.Contains(out, "x-own needs it") {
			t.Errorf("nothing is said of what is kept:\n%s", out)
		}
		if got := r.packages("standby"); got != "x-lib-1 x-more-1 x-own-1" {
			t.Errorf("the standby has %s", got)
		}
		l.inStep("standby")
	}
	l.exec("standby", "dnf -qy --setopt=clean_requirements_on_remove=0 remove x-own 2>&1")
	l.ok("apply", "standby", "--yes")
	if got := r.packages("standby"); got != "x-more-1" {
		t.Errorf("the standby has %s", got)
	}

	// A file of no repository comes from the primary's cache of dnf, where it was
	// downloaded to; what is in nobody's cache is held back; what can be had is there.
	house := t.TempDir()
	rpmtest.Build(t, house, []rpmtest.Spec{noarch("x-house", "1-1", ""), noarch("x-lost", "1-1", "")})
	r.bring(house, "x-lost-1-1.noarch.rpm", "primary")
	r.add(noarch("x-new", "1-1", ""))
	r.away(house, "x-house-1-1.noarch.rpm")
	l.exec("primary", "dnf -qy install http://10.98.0.1:8098/hikae-test/away/x-house-1-1.noarch.rpm x-new 2>&1 && rpm -i /root/x-lost-1-1.noarch.rpm")
	l.ok("snapshot", "primary")
	res := l.hikae("apply", "standby", "--yes")
	if res.code != exitConflict || !strings.Contains(res.errOut, "package:x-lost: no enabled repository of this host has x-lost-1-1.noarch") {
		t.Errorf("exit %d: %s", res.code, res.errOut)
	}
	if got := r.packages("standby"); got != "x-house-1 x-more-1 x-new-1" {
		t.Errorf("the standby has %s", got)
	}
	// What is said of it is all that there is to do.
	b, err := os.ReadFile(filepath.Join(house, "x-lost-1-1.noarch.rpm"))
	if err != nil || !strings.Contains(res.errOut, `package "x-lost" { source = "FILE.rpm" }`) {
		t.Fatalf("%v; it was said: %s", err, res.errOut)
	}
	l.write("lost.rpm", string(b))
	l.write("lost.hcl", "overlay \"host\" \"standby\" {\n  package \"x-lost\" { source = \"lost.rpm\" }\n}\n")
	l.ok("apply", "standby", "--yes")
	if got := r.packages("standby"); got != "x-house-1 x-lost-1 x-more-1 x-new-1" {
		t.Errorf("the standby has %s", got)
	}
}

// bring copies a file to a host's /root.
func (l *lab) bring(dir, name, host string) {
	l.t.Helper()
	if r := l.run("sh", "-c", "testdata/lab/lab exec "+host+" -- sh -c 'cat > /root/"+name+"' < "+filepath.Join(dir, name)); r.code != 0 {
		l.t.Fatal(r.errOut)
	}
}

// What rpm installs by hand is seen at once by a read of the packages alone, and no
// read is of the middle of a transaction.
func TestLabDnfRPMByHand(t *testing.T) {
	l := newProject(t, dnfHome)
	l.reset("primary")
	dir := t.TempDir()
	rpmtest.Build(t, dir, []rpmtest.Spec{
		{Name: "x-hand", EVR: "1-1", Arch: "noarch"},
		{Name: "x-slow", EVR: "1-1", Arch: "noarch", Scripts: "%post\ntouch /run/x-slow\nsleep 3\necho done > /etc/x-slow/after\n"},
	})
	l.bring(dir, "x-hand-1-1.noarch.rpm", "primary")
	l.bring(dir, "x-slow-1-1.noarch.rpm", "primary")
	live := l.live("primary")
	has := func(kind, name string) bool {
		_, ok := find(live.Snapshot(), engine.Addr{Kind: kind, Name: name})
		return ok
	}
	for round, cmd := range []string{"-i", "-e", "-i"} {
		arg := map[string]string{"-i": "/root/x-hand-1-1.noarch.rpm", "-e": "x-hand"}[cmd]
		l.exec("primary", "rpm "+cmd+" "+arg)
		if _, err := live.Refresh(t.Context(), nil, []string{"package"}); err != nil {
			t.Fatal(err)
		}
		if has("package", "x-hand") != (cmd == "-i") {
			t.Errorf("round %d: rpm %s is not seen", round, cmd)
		}
	}

	slow := make(chan string)
	go func() {
		slow <- l.run("testdata/lab/lab", "exec", "primary", "--", "rpm", "-i", "/root/x-slow-1-1.noarch.rpm").errOut
	}()
	for l.run("testdata/lab/lab", "exec", "primary", "--", "test", "-e", "/run/x-slow").code != 0 {
		select {
		case out := <-slow:
			t.Fatalf("rpm ended early: %s", out)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if _, err := live.Refresh(t.Context(), []hosts.Seen{{Path: "/etc/x-slow", Deep: true}}, []string{"package"}); err != nil {
		t.Fatal(err)
	}
	if !has("package", "x-slow") || !has("file", "/etc/x-slow/after") {
		t.Error("the middle of a transaction was read")
	}
	<-slow
}

func find(snap *engine.Snapshot, a engine.Addr) (engine.Resource, bool) {
	for _, r := range snap.Resources {
		if r.Addr == a {
			return r, true
		}
	}
	return engine.Resource{}, false
}

// watching runs hikae watch until the test is over.
func (l *lab) watching() {
	l.t.Helper()
	log, err := os.Create(filepath.Join(l.t.TempDir(), "watch.log"))
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command(l.bin, "-C", l.dir, "watch")
	cmd.Env = append(os.Environ(), "HIKAE_SSH_CONFIG="+l.sshConf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			l.t.Errorf("hikae watch: %v", err)
		}
		text, _ := os.ReadFile(log.Name())
		l.t.Logf("hikae watch:\n%s", tail(string(text)))
	})
}

// comes waits for a condition of a shell command on a host, and returns how long it
// took.
func (l *lab) comes(host, condition string, atMost time.Duration) time.Duration {
	l.t.Helper()
	began := time.Now()
	script := fmt.Sprintf("for i in $(seq %d); do if %s; then exit 0; fi; sleep 0.05; done; exit 1", atMost/(50*time.Millisecond), condition)
	if r := l.run("testdata/lab/lab", "exec", host, "--", "sh", "-c", script); r.code != 0 {
		l.t.Errorf("on %s, in %s, never: %s %s", host, time.Since(began).Round(time.Millisecond), condition, r.errOut)
	}
	return time.Since(began)
}

// What dnf and rpm do on the primary is on the follower at once, also what only the
// primary has.
func TestLabDnfWatch(t *testing.T) {
	l := newProject(t, dnfPartial)
	l.reset("primary")
	l.reset("standby")
	noarch := func(name, evr string) rpmtest.Spec { return rpmtest.Spec{Name: name, EVR: evr, Arch: "noarch"} }
	r := newTestRepo(l, noarch("x-base", "1-1"), noarch("x-a", "1-1"), noarch("x-b", "1-1"), noarch("x-c", "1-1"), noarch("x-hand", "1-1"), noarch("x-only", "1-1"))
	r.on("primary", "standby")
	l.exec("primary", "dnf -qy install x-base 2>&1")
	l.ok("snapshot", "primary")
	l.ok("apply", "standby", "--yes")
	l.watching()
	l.comes("primary", "test -e /etc/dnf/plugins/post-transaction-actions.d/hikae.action", 60*time.Second)

	for _, pkg := range []string{"x-a", "x-b", "x-c"} {
		began := time.Now()
		l.exec("primary", "dnf -qy install "+pkg+" 2>&1")
		dnf := time.Since(began)
		after := l.comes("standby", "rpm -q "+pkg+" >/dev/null", 60*time.Second)
		t.Logf("%s: dnf took %.2f s on the primary; on the standby %.2f s after that", pkg, dnf.Seconds(), after.Seconds())
		if after > dnf+3*time.Second {
			t.Errorf("%s was on the standby %s after dnf had ended, which itself took %s", pkg, after, dnf)
		}
	}
	l.exec("primary", "dnf -qy remove x-a 2>&1")
	l.comes("standby", "! rpm -q x-a >/dev/null", 30*time.Second)
	l.exec("primary", "rpm -i http://10.98.0.1:8098/hikae-test/x-hand-1-1.noarch.rpm")
	l.comes("standby", "rpm -q x-hand >/dev/null", 30*time.Second)

	// A version that the standby's repositories do not have comes from the cache of
	// the primary's dnf.
	l.exec("standby", "echo exclude=x-only >> /etc/yum.repos.d/hikae-test.repo")
	l.exec("primary", "dnf -qy install x-only 2>&1")
	l.comes("standby", "rpm -q x-only >/dev/null", 60*time.Second)
}
