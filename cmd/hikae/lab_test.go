package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The lab's tests drive the real program against the lab's hosts: real
// systemd, sshd, rpm, dnf and daemons. testdata/test.sh starts the lab and sets
// HIKAE_TEST_LAB; alone, these tests say that they did not run.

// lab is the lab and a project on it.
type lab struct {
	t       *testing.T
	dir     string // of the project, in a temporary folder
	bin     string // the program
	root    string // of the source tree
	where   string // the lab's own files
	sshConf string
}

// newLab is the lab's house: the project in testdata/home.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := onLab(t)
	files, err := filepath.Glob(filepath.Join(l.root, "testdata", "home", "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		l.write(filepath.Base(f), string(text))
	}
	rpms := filepath.Join(l.dir, "rpms")
	if err := os.Mkdir(rpms, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"localrpms/house-tools-*.rpm", "repos/epel/epel-release-*.rpm", "repos/remi-safe/remi-release-*.rpm"} {
		if r := l.run("sh", "-c", "cp "+filepath.Join(l.where, pattern)+" "+rpms); r.code != 0 {
			t.Fatal(r.errOut)
		}
	}
	l.ok("init")
	return l
}

// newProject is a small project of its own on the lab's hosts.
func newProject(t *testing.T, hcl string) *lab {
	t.Helper()
	l := onLab(t)
	l.write("hikae.hcl", hcl)
	l.ok("init")
	return l
}

// onLab is the lab with an empty project directory.
func onLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv("HIKAE_TEST_LAB") == "" {
		t.Skip("the lab is not up: run make test-lab")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	where := os.Getenv("HIKAE_LAB")
	if where == "" {
		where = "/var/tmp/hikae-lab"
	}
	return &lab{t: t, dir: t.TempDir(), root: root, where: where, bin: filepath.Join(root, "bin", "hikae"), sshConf: filepath.Join(where, "ssh", "config")}
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) remove(name string) {
	l.t.Helper()
	if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
		l.t.Fatal(err)
	}
}

// result is how a program ended.
type result struct {
	code        int
	out, errOut string
}

func (l *lab) run(argv ...string) result { return l.runEnv(nil, argv...) }

func (l *lab) runEnv(env []string, argv ...string) result {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.t.Context()), 10*time.Minute) // cleanups run too
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "HIKAE_SSH_CONFIG="+l.sshConf), env...)
	cmd.Dir = l.root
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatalf("%v: %v", argv, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// hikae runs the program in the project.
func (l *lab) hikae(args ...string) result {
	l.t.Helper()
	return l.hikaeEnv(nil, args...)
}

// hikaeEnv runs the program in the project with more in its environment.
func (l *lab) hikaeEnv(env []string, args ...string) result {
	l.t.Helper()
	began := time.Now()
	r := l.runEnv(env, append([]string{l.bin, "-C", l.dir}, args...)...)
	l.t.Logf("hikae %s: exit %d in %.1f s", strings.Join(args, " "), r.code, time.Since(began).Seconds())
	return r
}

// ok runs the program and wants exit code 0.
func (l *lab) ok(args ...string) string {
	l.t.Helper()
	r := l.hikae(args...)
	if r.code != 0 {
		l.t.Fatalf("hikae %s: exit %d\n%s\n%s", strings.Join(args, " "), r.code, tail(r.out), tail(r.errOut))
	}
	return r.out
}

// inStep wants a host's plan to be empty.
func (l *lab) inStep(host string) {
	l.t.Helper()
	if r := l.hikae("plan", host, "--detailed-exitcode"); r.code != 0 {
		l.t.Errorf("the plan of %s is not empty (exit %d):\n%s%s", host, r.code, tail(r.out), r.errOut)
	}
}

// exec runs a shell command on a host.
func (l *lab) exec(host, script string) string {
	l.t.Helper()
	r := l.run("testdata/lab/lab", "exec", host, "--", "sh", "-c", script)
	if r.code != 0 {
		l.t.Fatalf("on %s: %s: exit %d: %s%s", host, script, r.code, r.out, r.errOut)
	}
	return r.out
}

func (l *lab) lab(args ...string) {
	l.t.Helper()
	if r := l.run(append([]string{"testdata/lab/lab"}, args...)...); r.code != 0 {
		l.t.Fatalf("lab %v: exit %d: %s%s", args, r.code, r.out, r.errOut)
	}
}

// check asks a host as people's programs would; hikae is not asked.
func (l *lab) check(host string, sections ...string) {
	l.t.Helper()
	r := l.run(append([]string{"testdata/lab/check", host}, sections...)...)
	if r.code != 0 {
		l.t.Errorf("%s does not serve as the primary does:\n%s%s", host, failures(r.out), r.errOut)
	}
}

// facts describes a host by rpm, find, getfacl, systemctl and the like.
func (l *lab) facts(host string) string {
	l.t.Helper()
	r := l.run("testdata/lab/facts", host)
	if r.code != 0 {
		l.t.Fatalf("facts of %s: %s", host, r.errOut)
	}
	f, err := os.CreateTemp(l.t.TempDir(), host+"-*.facts")
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(r.out); err != nil {
		l.t.Fatal(err)
	}
	return f.Name()
}

// settled describes a host once what its boot set going (jobs that mail, mail
// that is delivered) has come to its end: when two descriptions are the same.
func (l *lab) settled(host string) string {
	l.t.Helper()
	last := l.facts(host)
	for range 40 {
		now := l.facts(host)
		if r := l.run("testdata/lab/compare", "--all", last, now); r.code == 0 {
			return now
		}
		last = now
	}
	l.t.Logf("%s does not come to rest", host)
	return last
}

// same compares two descriptions.
func (l *lab) same(a, b string, options ...string) {
	l.t.Helper()
	r := l.run(append(append([]string{"testdata/lab/compare"}, options...), a, b)...)
	if r.code != 0 {
		l.t.Errorf("they differ:\n%s%s", r.out, r.errOut)
	}
}

// events runs the program with --json and returns its lines by type.
func (l *lab) events(args ...string) (map[string][]map[string]any, int) {
	l.t.Helper()
	r := l.hikae(append(args, "--json")...)
	byType := map[string][]map[string]any{}
	for line := range strings.Lines(r.out) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			l.t.Fatalf("not a JSON line: %q", line)
		}
		typ, _ := m["type"].(string)
		byType[typ] = append(byType[typ], m)
	}
	return byType, r.code
}

// allow is a file that says to compare what may differ: "path /etc/motd".
func (l *lab) allow(lines ...string) string {
	l.t.Helper()
	f := filepath.Join(l.t.TempDir(), "allow")
	// Logging in starts a session, whatever it does.
	// So does a boot that is just over keep the credentials of its last units mounted.
	text := "[any]\nactive (user@|user-runtime-dir@|run-user-|run-credentials-|session-).*\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return f
}

// reset throws away what was done on a host, now and when the test is over.
func (l *lab) reset(host string) {
	l.t.Helper()
	l.lab("reset", host)
	l.t.Cleanup(func() { l.lab("reset", host) })
}

// logins counts the logins that a host's sshd has let in.
func (l *lab) logins(host string) string {
	l.t.Helper()
	return l.exec(host, `journalctl --no-pager -q SYSLOG_IDENTIFIER=sshd SYSLOG_IDENTIFIER=sshd-session | grep -c Accepted || true`)
}

func failures(s string) string {
	var out []string
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "ok ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// tail is the end of a long text.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "...\n" + s[len(s)-most:]
	}
	return s
}
