package main

import (
	"regexp"
	"strings"
	"testing"
)

// firstProject describes two hosts by hand: there is no pair and no snapshot.
const firstProject = `host "standby" { ssh = "root@standby" }
host "fresh" { ssh = "root@fresh" }

overlay "host" "standby" {
  file "/etc/motd" { content = "hikae was here\n" }
  file "/etc/nanorc" { content = "set tabsize 8\n" }
  file "/etc/keiko/notes.txt" {
    content = "hikae's notes\n"
    mode    = "0600"
  }
  file "/etc/hikae.d" { type = "directory" }
  file "/etc/hikae.d/new" {
    content = "new\n"
    mode    = "0640"
    group   = "mail"
  }
  file "/etc/hikae.d/link" { link = "new" }
  group "hanae" { gid = 1444 }
  user "hanae" {
    uid   = 1444
    home  = "/home/hanae"
    shell = "/bin/bash"
  }
  package "bind-utils" {}
  service "crond.service" {
    enabled = false
    running = false
  }
}
`

// TestLabFirstContact comes to a host with a life of its own, and leaves.
func TestLabFirstContact(t *testing.T) {
	l := newProject(t, firstProject)
	l.reset("standby")
	t.Run("what is the host's own is refused", func(t *testing.T) { sub(l, t).ownRefused() })
	t.Run("the writer refuses it by any name", func(t *testing.T) { sub(l, t).ownByOtherNames() })
	t.Run("undo", func(t *testing.T) { sub(l, t).firstAndUndo() })
}

// What may differ: the account files are compared entry by entry.
const (
	accountPaths  = "path /etc/(passwd|group|shadow|gshadow|subuid|subgid)-?"
	accountLabels = "xattr /etc/(passwd|group|shadow|gshadow|subuid|subgid)-?"
	crondLink     = "/etc/systemd/system/multi-user.target.wants/crond.service"
)

func (l *lab) firstAndUndo() {
	l.t.Helper()
	before := l.facts("standby")
	old := l.exec("standby", `cd /etc && sha256sum motd nanorc keiko/notes.txt`)
	events, code := l.events("plan", "standby")
	if code != exitOK || len(events["plan"]) != 1 || events["plan"][0]["first_contact"] != true {
		l.t.Fatalf("exit %d: %v", code, events["plan"])
	}
	var overwrites []string
	for _, e := range events["overwrites"] {
		overwrites = append(overwrites, e["name"].(string))
	}
	if got := strings.Join(overwrites, " "); got != "/etc/keiko/notes.txt /etc/motd /etc/nanorc" {
		l.t.Errorf("overwritten by the plan: %s", got)
	}
	for _, e := range events["change"] {
		if e["action"] == "delete" {
			l.t.Errorf("a first contact deletes %v", e["name"])
		}
	}
	l.same(before, l.facts("standby"), "--allow", l.allow()) // a plan changes nothing
	if r := l.hikae("show", "standby", "--generations"); r.out != "" {
		l.t.Errorf("a plan kept a snapshot: %s", r.out)
	}

	out := l.ok("apply", "standby", "--yes")
	for _, want := range []string{"3 files of this host's own are overwritten", "\n    /etc/motd\n", "\n    /etc/nanorc\n", "/var/lib/hikae/kept"} {
		if !strings.Contains(out, want) {
			l.t.Errorf("no %q in: %s", want, tail(out))
		}
	}
	l.inStep("standby")
	kept := l.exec("standby", `cd /var/lib/hikae/kept/*/etc && sha256sum motd nanorc keiko/notes.txt; stat -c %a /var/lib/hikae`)
	if kept != old+"700\n" {
		l.t.Errorf("kept: %s\nwere: %s", kept, old)
	}
	l.same(before, l.facts("standby"), "--extra-in-b", "--allow", l.allow(
		"path /etc/(motd|nanorc|keiko/notes.txt)", "xattr /etc/(motd|nanorc|keiko/notes.txt)",
		accountPaths, accountLabels, "enabled crond.service", "active crond.service",
		"path "+crondLink, "xattr "+crondLink, "path /etc(/hikae.d.*)?"))
	if got := l.exec("standby", `stat -c '%a %U:%G' /etc/hikae.d/new; readlink /etc/hikae.d/link; getent passwd hanae; rpm -q bind-utils; systemctl is-active crond; systemctl is-enabled crond; true`); !regexp.MustCompile(`^640 root:mail\nnew\nhanae:x:1444:.*:/home/hanae:/bin/bash\nbind-utils-.*\ninactive\ndisabled\n$`).MatchString(got) {
		l.t.Errorf("on the host: %s", got)
	}

	undo := regexp.MustCompile(`(?m)^ +hikae (apply standby --from (standby@\S+))$`).FindStringSubmatch(out)
	if undo == nil {
		l.t.Fatalf("no undo command in: %s", tail(out))
	}
	if got := l.ok("show", "standby", "--generations"); strings.TrimSpace(got) != strings.TrimPrefix(undo[2], "standby@") {
		l.t.Errorf("generations %q, undo point %q", got, undo[2])
	}
	l.ok(append(strings.Fields(undo[1]), "--yes")...)
	l.same(before, l.facts("standby"), "--allow", l.allow(
		"path /home/hanae.*", "xattr /home/hanae.*", // somebody's files by now
		"rpm (bind-libs|jemalloc|libuv|lmdb-libs).*", // brought by bind-utils, and nobody asked for them
		"xattr "+crondLink,                           // systemctl labels nothing where the kernel has no SELinux
		accountPaths, accountLabels,                  // entry by entry in passwd, group and shadow
	))
	if r := l.hikae("plan", "standby", "--from", undo[2], "--detailed-exitcode"); r.code != exitOK {
		l.t.Errorf("the plan of the undo point is not empty: %s", r.out)
	}
	// And hikae may come again.
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
}

// ownRefused asks in HCL for what is the host's own.
func (l *lab) ownRefused() {
	l.t.Helper()
	state := func() string {
		return l.logins("standby") + l.identity("standby") + l.exec("standby", `find /var/cache/hikae /var/lib/hikae 2>&1; ls /etc; rpm -qa | sort | sha256sum`)
	}
	before := state()
	for _, block := range []string{
		`file "/etc/machine-id" { content = "0123456789abcdef0123456789abcdef\n" }`,
		`file "/etc/machine-id" { absent = true }`,
		`file "/etc/hostname" { content = "rio1\n" }`,
		`file "/etc/hosts" { content = "127.0.0.1 localhost\n" }`,
		`file "/etc/ssh/ssh_host_ed25519_key" { content = "key\n" }`,
		`file "/root/.ssh/authorized_keys" { content = "" }`,
		`file "/etc/fstab" { content = "" }`,
		`file "/etc/sysconfig/network-scripts/ifcfg-host0" { content = "" }`,
		`file "/etc/resolv.conf" { content = "" }`,
		`package "kernel" {}`,
		`package "grub2-efi-x64" {}`,
		`service "srv-data.mount" { running = true }`,
		`service "NetworkManager.service" { running = false }`,
	} {
		l.write("own.hcl", "overlay \"host\" \"standby\" {\n\n  "+block+"\n}\n")
		for _, args := range [][]string{{"validate"}, {"plan", "standby"}, {"apply", "standby", "--yes"}} {
			r := l.hikae(args...)
			if r.code != exitRefused || !strings.Contains(r.errOut, "own.hcl:3:3") || !strings.Contains(r.errOut, "host's own") {
				l.t.Errorf("%s: %v: exit %d: %s%s", block, args, r.code, tail(r.out), r.errOut)
			}
		}
	}
	if after := state(); after != before {
		l.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	l.remove("own.hcl")
}

// ownByOtherNames asks for the host's own by paths that are written otherwise,
// or that lead there by a link.
func (l *lab) ownByOtherNames() {
	l.t.Helper()
	l = newProject(l.t, `host "standby" { ssh = "root@standby" }`)
	own := l.identity("standby")
	l.exec("standby", `ln -s /etc /srv/etc; ln -s machine-id /etc/id`)
	for _, path := range []string{"/etc//machine-id", "/etc/./machine-id", "/etc/ssh/../machine-id", "etc/machine-id", "/etc/machine-id/", "/etc/machine%2did", "/srv/etc/machine-id", "/srv/etc/ssh/ssh_host_ed25519_key"} {
		l.write("own.hcl", `overlay "host" "standby" {
  file "`+path+`" { content = "0123456789abcdef0123456789abcdef\n" }
}
`)
		if r := l.hikae("apply", "standby", "--yes"); r.code == exitOK {
			l.t.Errorf("%s: %s", path, tail(r.out))
		} else {
			l.t.Logf("%s: exit %d: %s", path, r.code, r.errOut)
		}
	}
	l.remove("own.hcl")
	if got := l.identity("standby"); got != own {
		l.t.Errorf("before:\n%s\nafter:\n%s", own, got)
	}
	l.reset("standby")
}

// TestLabByHand describes a host in HCL alone, changes the description, and the
// host follows.
func TestLabByHand(t *testing.T) {
	l := newProject(t, firstProject)
	l.reset("fresh")
	const site = `
  file "/etc/httpd/conf.d/hand.conf" { content = "Alias /hand /srv/hand\n<Directory /srv/hand>\n  Require all granted\n</Directory>\n" }
  file "/srv/hand" { type = "directory" }
  file "/srv/hand/index.html" { content = "mark:hand\n" }
`
	write := func(more string) {
		l.write("fresh.hcl", "overlay \"host\" \"fresh\" {\n  package \"httpd\" {}\n  service \"httpd.service\" {\n    enabled = true\n    running = true\n  }\n"+more+"}\n")
	}
	write(site)
	l.ok("validate")
	if r := l.hikae("plan", "fresh", "--detailed-exitcode"); r.code != exitChanges {
		t.Fatalf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	l.ok("apply", "fresh", "--yes")
	l.inStep("fresh")
	get := func() string {
		return l.run("curl", "-s", "-m", "10", "--noproxy", "*", "http://10.98.0.13/hand/index.html").out
	}
	if got := get(); got != "mark:hand\n" {
		t.Errorf("httpd answers %q", got)
	}
	write(strings.Replace(site, "mark:hand", "mark:changed", 1))
	l.ok("apply", "fresh", "--yes")
	if got := get(); got != "mark:changed\n" {
		t.Errorf("after a change httpd answers %q", got)
	}
	// What hikae put there and nobody wants any more goes; what it did not, stays.
	l.exec("fresh", `echo mine >/srv/hand/own`)
	write("")
	l.ok("apply", "fresh", "--yes")
	l.inStep("fresh")
	if got := l.exec("fresh", `ls /etc/httpd/conf.d/hand.conf /srv/hand 2>&1; systemctl is-active httpd`); strings.Contains(got, "index.html") || !strings.Contains(got, "own\n") || !strings.Contains(got, "\nactive\n") || strings.Contains(got, "\n/etc/httpd/conf.d/hand.conf") {
		t.Errorf("on the host: %s", got)
	}
}
