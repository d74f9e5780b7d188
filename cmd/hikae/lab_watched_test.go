package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"hikae/engine/watch"
)

// watched is a pair of the lab's hosts of which one follows the other.
type watched struct {
	*lab
	from, to string
	process  *exec.Cmd // hikae watch, where it runs on this machine
}

// The project and the unit on a follower that runs hikae watch itself.
const (
	watchHome    = "/var/lib/hikae/home"
	watchService = "hikae-watch.service"
)

// at is where a host's path is on this machine: both see one file system.
func (l *lab) at(host, path string) string {
	return filepath.Join(l.where, "hosts", host, "root", path)
}

// within polls until what is wrong is "".
func (w *watched) within(patience time.Duration, what string, wrong func() string) time.Duration {
	w.t.Helper()
	began := time.Now()
	last := ""
	for time.Since(began) < patience {
		if last = wrong(); last == "" {
			return time.Since(began)
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("not within %v: %s: %s\n%s", patience, what, last, w.asked("status").out)
	return 0
}

// look is what a script says on a host, however it ends.
func (l *lab) look(host, script string) string {
	l.t.Helper()
	return l.run("testdata/lab/lab", "exec", host, "--", "sh", "-c", script).out
}

// runIn runs a program with a text as its standard input.
func (l *lab) runIn(in string, argv ...string) result {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.t.Context()), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = l.root
	cmd.Stdin = strings.NewReader(in)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatalf("%v: %v", argv, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// putFile lays bytes on a host.
func (l *lab) putFile(host, path, mode, text string) {
	l.t.Helper()
	r := l.runIn(text, "testdata/lab/lab", "exec", host, "--", "sh", "-c",
		`mkdir -p "${1%/*}" && cat >"$1.new" && chmod `+mode+` "$1.new" && mv "$1.new" "$1"`, "sh", path)
	if r.code != 0 {
		l.t.Fatalf("%s on %s: %s", path, host, r.errOut)
	}
}

// settle puts hikae and a project on the follower, which reaches the primary by
// a key of its own.
func (w *watched) settle(hcl string) {
	w.t.Helper()
	key := filepath.Join(w.t.TempDir(), "key")
	if r := w.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); r.code != 0 {
		w.t.Fatal(r.errOut)
	}
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(b)
	}
	w.putFile(w.to, "/usr/bin/hikae", "755", read(w.bin))
	w.putFile(w.to, "/root/.ssh/id_ed25519", "600", read(key))
	w.putFile(w.to, "/root/.ssh/known_hosts", "600", read(filepath.Join(w.where, "ssh", "known_hosts")))
	w.putFile(w.to, watchHome+"/hikae.hcl", "600", hcl)
	w.exec(w.from, "echo '"+strings.TrimSpace(read(key+".pub"))+"' >>/root/.ssh/authorized_keys")
}

// there runs hikae on the follower, in its project.
func (w *watched) there(args ...string) result {
	w.t.Helper()
	return w.run(append([]string{"testdata/lab/lab", "exec", w.to, "--", "hikae", "-C", watchHome}, args...)...)
}

// thereOK is there, and wants exit code 0.
func (w *watched) thereOK(args ...string) string {
	w.t.Helper()
	r := w.there(args...)
	if r.code != 0 {
		w.t.Fatalf("hikae %v on %s: exit %d\n%s\n%s", args, w.to, r.code, tail(r.out), tail(r.errOut))
	}
	return r.out
}

// house is a project of the two on the follower, with a mirror, and what else
// its pair says.
func (w *watched) house(mirror string, more ...string) string {
	return `host "` + w.from + `" { ssh = "root@` + w.address(w.from) + `" }

host "` + w.to + `" { local = true }

pair "home" {
  members         = [host.` + w.from + `, host.` + w.to + `]
  initial_primary = host.` + w.from + `
  mirror "` + mirror + `" {}
` + strings.Join(more, "\n") + `
  budget {
    deletions     = 10000
    modifications = 10000
  }
}
`
}

// address is a host's, by the lab's ssh config.
func (l *lab) address(host string) string {
	l.t.Helper()
	_, after, _ := strings.Cut(l.labConfig(), "Host "+host+"\n  HostName ")
	address, _, _ := strings.Cut(after, "\n")
	return address
}

// service has hikae watch run on the follower, from its first contact on.
func (w *watched) service() {
	w.t.Helper()
	w.thereOK("init")
	w.thereOK("snapshot", w.from)
	w.thereOK("apply", w.to, "--yes")
	w.putFile(w.to, "/etc/systemd/system/"+watchService, "644", w.thereOK("watch", "--print-unit"))
	w.exec(w.to, "systemctl daemon-reload; systemctl enable -q --now "+watchService)
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("%s\n%s", w.asked("status").out, tail(w.look(w.to, "journalctl -q --no-pager -o cat -u "+watchService)))
		}
	})
	w.inStepWithin(30 * time.Second)
}

// status is what hikae status says to programs.
func (w *watched) status() (*watch.Report, error) {
	w.t.Helper()
	r := w.asked("status", "--json")
	var s watch.Report
	if r.code != 0 {
		return nil, fmt.Errorf("exit %d: %s", r.code, r.errOut)
	}
	return &s, json.Unmarshal([]byte(r.out), &s)
}

// asked runs hikae where the project is.
func (w *watched) asked(args ...string) result {
	w.t.Helper()
	if w.process != nil {
		return w.run(append([]string{w.bin, "-C", w.dir}, args...)...)
	}
	return w.there(args...)
}

// followerWithin waits until is reports that the follower and its source are as wanted.
func (w *watched) followerWithin(patience time.Duration, what string, is func(*watch.SourceStatus, *watch.FollowerStatus) bool) time.Duration {
	w.t.Helper()
	return w.within(patience, what, func() string {
		s, err := w.status()
		switch {
		case err != nil:
			return err.Error()
		case len(s.Sources) != 1 || len(s.Followers) != 1 || !s.Running || s.Silent || !is(&s.Sources[0], &s.Followers[0]):
			return fmt.Sprintf("the status is: %+v", s)
		}
		for _, m := range s.Mirrors {
			if !m.InStep {
				return fmt.Sprintf("the mirror %s: %+v", m.Root, m)
			}
		}
		return ""
	})
}

func (w *watched) inStepWithin(patience time.Duration) time.Duration {
	w.t.Helper()
	return w.followerWithin(patience, "in step", func(s *watch.SourceStatus, f *watch.FollowerStatus) bool {
		return s.State == "followed" && f.State == watch.InStep && !f.All && f.Behind == 0 && len(f.HeldBack) == 0
	})
}
