package daemons_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// What a rehearsed daemon does not live on is never in its place, if it lives on
// what it has; where that cannot be told, the change is made and watched.
func TestRehearsedBeforeItIsThere(t *testing.T) {
	const conf = "/etc/httpd/conf/httpd.conf"
	died := map[string]string{"old\n": "", "new\n": "it ends (exit status 1): password=hunter2\nno such log"}
	for _, tt := range []struct {
		name             string
		state            string
		lives            map[string]string
		err              error
		asked            int
		rolledBack, told bool
	}{
		{name: "lives", state: "active", lives: map[string]string{}, asked: 1},
		{name: "dies", state: "active", lives: died, asked: 2, rolledBack: true},
		{name: "dies on the old as well", state: "active", lives: map[string]string{"old\n": "no", "new\n": "no"}, asked: 2, told: true},
		{name: "cannot be rehearsed", state: "active", err: errors.New("no namespaces"), asked: 1, told: true},
		{name: "does not run", state: "inactive", lives: died},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New(t)
			h.SetFacts(hosts.Facts{Systemd: true})
			h.Write("/usr/sbin/httpd", "")
			h.Write(conf, "old\n")
			h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
				if c.Argv[0] == "systemctl" && c.Argv[1] == "show" {
					return hosts.Result{Stdout: []byte("Id=httpd.service\nActiveState=" + tt.state + "\n")}, nil
				}
				return hosts.Result{}, nil
			})
			asked := 0
			h.OnRehearse(func(d hosts.Rehearsal) (string, error) {
				asked++
				if !slices.Equal(d.Argv, []string{"/usr/sbin/httpd", "$OPTIONS", "-DFOREGROUND"}) {
					t.Errorf("rehearsed: %v", d.Argv)
				}
				return tt.lives[h.Text(conf)], tt.err
			})
			inode := inodeOf(t, h, conf)
			res := applyNew(t, h, conf)
			if asked != tt.asked || res.RolledBack != tt.rolledBack || (inodeOf(t, h, conf) == inode) != tt.rolledBack {
				t.Errorf("rehearsed %d times; %q stands there; %+v", asked, h.Text(conf), res)
			}
			if tt.rolledBack && (!strings.Contains(res.Err, "httpd.service") || !strings.Contains(res.Err, "no such log") || strings.Contains(res.Err, "hunter2")) {
				t.Errorf("the error: %s", res.Err)
			}
			if told := strings.Contains(strings.Join(res.Notes, "\n"), "httpd.service"); told != tt.told {
				t.Errorf("notes: %q", res.Notes)
			}
		})
	}
}

// A daemon that has lived in a rehearsal and comes to rest after its reload is not
// watched any longer; any other is for as long as it could die.
func TestOneAtRestIsLetGo(t *testing.T) {
	const conf, long = "/etc/httpd/conf/httpd.conf", 1500 * time.Millisecond
	for _, tt := range []struct {
		name    string
		err     error // of the rehearsal
		pid     int   // after the reload; 7 before
		works   bool
		letGo   bool
		refused bool // it dies while it rests
	}{
		{name: "at rest", pid: 7, letGo: true},
		{name: "at work", pid: 7, works: true},
		{name: "not rehearsed", pid: 7, err: errors.New("no namespaces")},
		{name: "another process", pid: 8},
		{name: "dies meanwhile", pid: 7, refused: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New(t)
			h.SetFacts(hosts.Facts{Systemd: true})
			h.Write("/usr/sbin/httpd", "")
			h.Write(conf, "old\n")
			var reloaded time.Time
			looks := 0
			h.OnRun(func(_ context.Context, c hosts.Cmd) (hosts.Result, error) {
				if c.Argv[0] == "systemctl" && c.Argv[1] == "reload-or-restart" && reloaded.IsZero() {
					reloaded = time.Now()
				}
				if c.Argv[0] != "systemctl" || c.Argv[1] != "show" {
					return hosts.Result{}, nil
				}
				pid, state := 7, "active"
				if !reloaded.IsZero() {
					if pid, looks = tt.pid, looks+1; tt.refused && looks == 2 {
						state = "failed"
					}
				}
				return hosts.Result{Stdout: fmt.Appendf(nil, "Id=httpd.service\nActiveState=%s\nMainPID=%d\nControlGroup=/system.slice/httpd.service\n", state, pid)}, nil
			})
			h.OnRehearse(func(hosts.Rehearsal) (string, error) { return "", tt.err })
			used := time.Second
			h.OnWork(func(string) hosts.Work {
				if tt.works {
					used += 50 * time.Millisecond
				}
				return hosts.Work{Used: used}
			})
			res := applyNew(t, h, conf)
			took := time.Since(reloaded)
			if res.RolledBack != tt.refused || (res.Err != "") != tt.refused {
				t.Errorf("%+v", res)
			}
			const enough = 8 // looks, a tenth of a second apart or more
			if !tt.refused && (!tt.letGo && took < long || tt.letGo && took >= long && looks > enough) {
				t.Errorf("watched for %v, %d looks", took, looks)
			}
		})
	}
}
