package main

import (
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
)

// attacker is a client that says over SSH what it likes: frames by hand.
type attacker struct {
	t   *testing.T
	in  io.WriteCloser
	out io.Reader
}

// The kinds of messages, as engine/agent has them.
const (
	msgHello, msgFail                         = 1, 3
	msgRead, msgReadDone, msgFetch, msgEnd    = 10, 12, 20, 23
	msgFetchDone, msgApply, msgTrust, msgBusy = 24, 30, 50, 11
)

// attack logs in and exchanges hellos.
func (l *lab) attack(env []string, host string) *attacker {
	l.t.Helper()
	cmd := exec.Command("ssh", "-F", strings.TrimPrefix(env[0], "HIKAE_SSH_CONFIG="), host, "rm -rf /etc")
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	timer := time.AfterFunc(25*time.Second, func() { _ = cmd.Process.Kill() })
	l.t.Cleanup(func() { timer.Stop(); _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	a := &attacker{t: l.t, in: in, out: out}
	line := make([]byte, len(agent.Preamble))
	if _, err := io.ReadFull(out, line); err != nil || string(line) != agent.Preamble {
		l.t.Fatalf("the agent begins with %q, %v", line, err)
	}
	a.say(msgHello, map[int]any{1: agent.Protocol})
	if kind, _ := a.hear(); kind != msgHello {
		l.t.Fatalf("message of kind %d where hello is due", kind)
	}
	return a
}

func (a *attacker) say(kind byte, v any) {
	a.t.Helper()
	body, err := cbor.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), kind)
	if _, err := a.in.Write(append(frame, body...)); err != nil {
		a.t.Logf("say: %v", err)
	}
}

// hear returns the next message that is no ping and no part of a read; 0 at the
// end.
func (a *attacker) hear() (kind byte, body []byte) {
	a.t.Helper()
	for {
		var head [5]byte
		_, err := io.ReadFull(a.out, head[:])
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			a.t.Fatal(err)
		}
		body = make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(a.out, body); err != nil {
			a.t.Fatal(err)
		}
		if kind = head[4] & 0x7f; kind != 2 && kind != msgBusy {
			return kind, body
		}
	}
}

// refused wants the answer to be a failure that says why.
func (a *attacker) refused(what, why string) {
	a.t.Helper()
	kind, body := a.hear()
	if kind != msgFail || !strings.Contains(string(body), why) {
		a.t.Errorf("%s: message of kind %d: %q", what, kind, body)
	}
}

// TestLabAttack: a client that speaks the protocol, with a key that may only
// read, against the agent that is installed.
func TestLabAttack(t *testing.T) {
	l := newProject(t, `host "primary" { ssh = "root@primary" }`)
	l.ok("snapshot", "primary")
	env := l.readOnlyKey("primary")
	l.ok("trust", "primary")
	before := l.facts("primary")

	key := slices.Repeat([]byte{9}, 32)
	for what, c := range map[string]struct {
		kind byte
		msg  any
		why  string
	}{
		"an apply":         {msgApply, map[int]any{1: engine.StageConfig}, "cannot change the host"},
		"a trust":          {msgTrust, agent.Trust{HomeKey: key, Recipients: []string{"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"}}, "cannot change the host"},
		"a key":            {msgRead, map[int]any{1: engine.Scope{}, 3: key}, "cannot choose the home key"},
		"a tree":           {msgRead, map[int]any{1: engine.Scope{Paths: []string{"/root"}}}, "does not give"},
		"a tree with dots": {msgRead, map[int]any{1: engine.Scope{Paths: []string{"/etc/../root"}}}, "clean path"},
		"a recipient":      {msgFetch, map[int]any{1: []hosts.Content{}, 2: []string{"age1x"}}, "recipients"},
		"a field":          {msgRead, map[int]any{1: engine.Scope{}, 99: "/root"}, "protocol"},
		"a fresh message":  {77, map[int]any{}, "kind 77"},
	} {
		a := l.attack(env, "primary-ro")
		a.say(c.kind, c.msg)
		a.refused(what, c.why)
	}

	// What no read declared is not to be had by its hash, and a read finds
	// nothing of what it was not given.
	a := l.attack(env, "primary-ro")
	a.say(msgRead, map[int]any{1: engine.Scope{Kinds: []string{"file"}, Files: []string{"/root/.bashrc", "/etc/hikae/home.key"}}})
	if kind, body := a.hear(); kind != msgReadDone || !strings.Contains(string(body), "/root/.bashrc") || !strings.Contains(string(body), "/etc/hikae/home.key") {
		t.Errorf("a read of files that are not given: message of kind %d", kind)
	}
	// sha256 of root's own .bashrc as a client may know it from its package
	sum := strings.Fields(l.exec("primary", "sha256sum /root/.bashrc; stat -c %s /root/.bashrc"))
	id, err := hosts.ParseID(sum[0])
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, d := range sum[2] {
		size = size*10 + int64(d-'0')
	}
	a.say(msgFetch, map[int]any{1: []hosts.Content{{Size: size, ID: id}}})
	for {
		kind, body := a.hear()
		if kind == msgEnd && !strings.Contains(string(body), "no read of this session has found it") {
			t.Errorf("a content that was not read: %q", body)
		}
		if kind == 0 || kind == 22 {
			t.Errorf("message of kind %d", kind)
		}
		if kind == 0 || kind == msgFetchDone || kind == 22 {
			break
		}
	}

	// A frame that says it is huge ends the session and costs nothing.
	a = l.attack(env, "primary-ro")
	if _, err := a.in.Write([]byte{0xff, 0xff, 0xff, 0xff, msgRead}); err != nil {
		t.Fatal(err)
	}
	if kind, body := a.hear(); kind != 0 {
		t.Errorf("a huge frame is answered by a message of kind %d: %q", kind, body)
	}
	l.same(before, l.facts("primary"), "--allow", l.allow("enabled session-.*"))
}

// TestLabSwappedDirectory: a person on the host swaps a directory for a link to
// /etc, over and over, while root writes into it.
func TestLabSwappedDirectory(t *testing.T) {
	l := newProject(t, `host "standby" {
  ssh   = "root@standby"
  paths = ["/srv/attack"]
}
overlay "host" "standby" {
  file "/srv/attack/d/passwd" { content = "evil" }
  file "/srv/attack/d/hikae-attack" { content = "evil" }
}
`)
	const state = `sha256sum /etc/passwd /etc/shadow; ls -la --time-style=+ /etc/passwd /etc/shadow; ls /etc`
	before := l.exec("standby", state)
	// renameat2(2) with RENAME_EXCHANGE: there is a directory or a link, never nothing.
	l.exec("standby", `mkdir -p /srv/attack/d; ln -s /etc /srv/attack/l; chown -hR admin /srv/attack
		cat >/srv/attack/swap <<-'X'
		import ctypes, os
		libc = ctypes.CDLL(None)
		os.chdir("/srv/attack")
		open("pid", "w").write(str(os.getpid()))
		n = 0
		while os.path.exists("swap"):
		    for i in range(1000):
		        n += libc.renameat2(-100, b"d", -100, b"l", 2) == 0
		open("swaps", "w").write(str(n))
		X
		setsid setpriv --reuid admin --clear-groups python3 /srv/attack/swap >/dev/null 2>&1 </dev/null &`)
	const stop = `cd /srv/attack; rm -f swap; while [ -e /proc/$(cat pid) ]; do sleep 0.05; done; `
	t.Cleanup(func() { l.exec("standby", stop+`rm -rf /srv/attack`) })
	codes := map[int]int{}
	for range 6 {
		codes[l.hikae("apply", "standby", "--yes").code]++
		// It rests meanwhile: a directory that becomes a link in its hands ends find. find follows no link.
		l.exec("standby", `cd /srv/attack; kill -STOP $(cat pid)
			find . -name passwd -delete -o -name hikae-attack -delete; kill -CONT $(cat pid)`)
	}
	swaps := strings.TrimSpace(l.exec("standby", stop+`cat swaps`))
	t.Logf("%s swaps; exit codes of the applies: %v", swaps, codes)
	if len(swaps) < 4 {
		t.Errorf("%s swaps are no race", swaps)
	}
	if after := l.exec("standby", state); after != before {
		t.Errorf("/etc was\n%s\nand is\n%s", before, after)
	}
}

// TestLabSudoInstalled: a login that may start the installed agent by sudo, and
// nothing else.
func TestLabSudoInstalled(t *testing.T) {
	l := newProject(t, `host "admin" { ssh = "admin@standby" }
host "standby" { ssh = "root@standby" }
overlay "host" "admin" {
  file "/etc/hikae-attack" { content = "x\n" }
  file "/etc/sudoers.d/other" { content = "x\n" }
}
overlay "host" "standby" {
  file "/etc/hikae-attack" { content = "x\n" }
}
`)
	l.ok("plan", "standby") // its copy is in the cache now
	l.install("standby")
	l.exec("standby", `mkdir /root/sudoers.before; mv /etc/sudoers.d/* /root/sudoers.before/
		echo 'admin ALL=(root) NOPASSWD: /usr/bin/hikae agent' >/etc/sudoers.d/other; chmod 440 /etc/sudoers.d/other`)
	t.Cleanup(func() {
		l.exec("standby", `rm -f /etc/sudoers.d/other /etc/hikae-attack; mv /root/sudoers.before/* /etc/sudoers.d/; rmdir /root/sudoers.before`)
	})
	// The agent is in order, and what it logs in by is not touched.
	if r := l.hikae("apply", "admin", "--yes"); r.code != exitOK || !strings.Contains(r.out, "could not log in as admin without it") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if got := l.exec("standby", `cat /etc/hikae-attack; cat /etc/sudoers.d/other; ls -A /home/admin /var/tmp /tmp | grep hikae-push; true`); got != "x\nadmin ALL=(root) NOPASSWD: /usr/bin/hikae agent\n" {
		t.Errorf("on the host: %q", got)
	}
	// Another build: it cannot be replaced, and the error says by what.
	l.exec("standby", `LC_ALL=C sed -i 's/`+l.build()+`/0123456789abcdef/g' /usr/bin/hikae`)
	r := l.hikae("plan", "admin")
	for _, want := range []string{"0123456789abcdef", "install hikae " + l.build() + " on admin", "may not become root by sudo"} {
		if r.code != exitError || !strings.Contains(r.errOut, want) {
			t.Errorf("another build: exit %d, no %q in: %s", r.code, want, r.errOut)
		}
	}
}

// build is the program's build id.
func (l *lab) build() string {
	l.t.Helper()
	for _, w := range strings.FieldsFunc(l.ok("version"), func(r rune) bool { return strings.ContainsRune(" \n(),:", r) }) {
		if len(w) == 16 {
			return w
		}
	}
	l.t.Fatal("version says no build id")
	return ""
}
