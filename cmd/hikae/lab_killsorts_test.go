package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// killSort is a sort of resource that TestLabKill flips: between A, B and
// nothing ("").
type killSort struct {
	name        string
	weight      int // how often it is taken
	hcl         func(variant string) string
	look        string // a script that says what is there
	want        func(variant string) string
	files       string // one that says it of files alone, a line each
	wantFiles   func(variant string) string
	changesMind bool // what is wished may change before the next apply
}

func killSorts() []*killSort {
	return []*killSort{looseFiles(), users(), services(), packages()}
}

// described is a path in the two variants; "" is nothing.
type described struct{ path, a, b string }

// describedAs is how describePaths says it.
func (d described) in(variant string) string {
	is := map[string]string{"A": d.a, "B": d.b}[variant]
	if is == "" {
		is = "nothing"
	}
	return d.path + " " + is + "\n"
}

// describePaths is a script that says of each path what it is, with its mode,
// owner, group, ACL and bytes: all of one file, even while it is being replaced.
func describePaths(ds []described) string {
	var paths []string
	for _, d := range ds {
		paths = append(paths, d.path)
	}
	return `for p in ` + strings.Join(paths, " ") + `; do
  if to=$(readlink "$p"); then echo "$p link $to"; continue; fi
  {
    if [ -d /proc/self/fd/3 ]; then echo "$p directory $(stat -Lc '%a %U %G' /proc/self/fd/3)"
    else echo "$p file $(stat -Lc '%a %U %G' /proc/self/fd/3) $(getfacl -cp /proc/self/fd/3 | grep -c .) $(sha256sum <&3 | cut -c1-64)"; fi
  } 3<"$p" 2>/dev/null || echo "$p nothing"
done`
}

func wantPaths(ds []described) func(string) string {
	return func(variant string) string {
		var b strings.Builder
		for _, d := range ds {
			b.WriteString(d.in(variant))
		}
		return b.String()
	}
}

func fileOf(meta, text string) string {
	return fmt.Sprintf("file %s 3 %x", meta, sha256.Sum256([]byte(text)))
}

// big is a text long enough for a half of it to be seen.
func big(variant string) string { return strings.Repeat("line of "+variant+"\n", 20000) }

// looseFiles are read by no daemon.
func looseFiles() *killSort {
	acl := strings.Replace(fileOf("640 root mail", "acl A\n"), " 3 ", " 5 ", 1)
	ds := []described{
		{"/etc/hikae-kill", "directory 755 root root", "directory 750 root mail"},
		{"/etc/hikae-kill/one", fileOf("644 root root", "one A\n"), fileOf("600 bin mail", "one B\n")},
		{"/etc/hikae-kill/two", fileOf("644 root root", "two A\n"), fileOf("644 root root", "two B\n")},
		{"/etc/hikae-kill/big", fileOf("644 root root", big("A")), fileOf("644 root root", big("B"))},
		{"/etc/hikae-kill/acl", acl, fileOf("640 root mail", "acl B\n")},
		{"/etc/hikae-kill/only-a", fileOf("644 root root", "only A\n"), ""},
		{"/etc/hikae-kill/only-b", "", fileOf("644 root root", "only B\n")},
		{"/etc/hikae-kill/link", "link one", "link two"},
		{"/etc/hikae-kill/flip", "directory 755 root root", fileOf("644 root root", "flip B\n")},
		{"/etc/hikae-kill/flip/in", fileOf("644 root root", "in A\n"), ""},
		{"/etc/hikae-kill/turn", "link one", "directory 755 root root"},
		{"/etc/hikae-kill/turn/in", "", fileOf("644 root root", "in B\n")},
		{"/etc/hikae-kill/key.pem", fileOf("600 root root", "-----BEGIN PRIVATE KEY-----\nkey A\n"), fileOf("600 root root", "-----BEGIN PRIVATE KEY-----\nkey B\n")},
	}
	return &killSort{
		name: "files", weight: 9, look: describePaths(ds), want: wantPaths(ds), files: describePaths(ds), wantFiles: wantPaths(ds), changesMind: true,
		hcl: func(v string) string {
			text := `
  file "/etc/hikae-kill/two" { content = "two VARIANT\n" }
  file "/etc/hikae-kill/big" { content = join("", [for i in range(1000) : join("", [for j in range(20) : "line of VARIANT\n"])]) }
  file "/etc/hikae-kill/key.pem" {
    content = "-----BEGIN PRIVATE KEY-----\nkey VARIANT\n"
    mode    = "0600"
  }
`
			if v == "A" {
				text += `
  file "/etc/hikae-kill" { type = "directory" }
  file "/etc/hikae-kill/one" { content = "one A\n" }
  file "/etc/hikae-kill/acl" {
    content = "acl A\n"
    mode    = "0640"
    group   = "mail"
    acl     = "u::rw-,u:bin:r--,g::r--,m::r--,o::---"
  }
  file "/etc/hikae-kill/only-a" { content = "only A\n" }
  file "/etc/hikae-kill/link" { link = "one" }
  file "/etc/hikae-kill/flip" { type = "directory" }
  file "/etc/hikae-kill/flip/in" { content = "in A\n" }
  file "/etc/hikae-kill/turn" { link = "one" }
`
			} else {
				text += `
  file "/etc/hikae-kill" {
    type  = "directory"
    mode  = "0750"
    group = "mail"
  }
  file "/etc/hikae-kill/one" {
    content = "one B\n"
    mode    = "0600"
    owner   = "bin"
    group   = "mail"
  }
  file "/etc/hikae-kill/acl" {
    content = "acl B\n"
    mode    = "0640"
    group   = "mail"
  }
  file "/etc/hikae-kill/only-b" { content = "only B\n" }
  file "/etc/hikae-kill/link" { link = "two" }
  file "/etc/hikae-kill/flip" { content = "flip B\n" }
  file "/etc/hikae-kill/turn" { type = "directory" }
  file "/etc/hikae-kill/turn/in" { content = "in B\n" }
`
			}
			return strings.ReplaceAll(text, "VARIANT", v)
		},
	}
}

func users() *killSort {
	const accounts = `for f in passwd:7 shadow:9 group:4 gshadow:4; do
  awk -F: -v n=${f#*:} -v f=${f%:*} 'NF != n { print f ": " $0 }' /etc/${f%:*}
  tail -c1 /etc/${f%:*} | od -An -c | grep -qF '\n' || echo "${f%:*} has no end"
done`
	want := func(v string) string {
		switch v {
		case "A":
			return "killa:x:1701:1700:Kill A:/home/killa:/bin/bash\nkillg:x:1700:killa\n"
		case "B":
			return "killa:x:1701:1700:Kill B:/home/killa:/sbin/nologin\nkillb:x:1702:1700::/home/killb:/bin/bash\nkillg:x:1700:killb\n"
		}
		return ""
	}
	return &killSort{
		name: "users", weight: 6, want: want, wantFiles: func(string) string { return "" }, files: accounts,
		look: accounts + "\ngetent passwd killa killb; getent group killg; true",
		hcl: func(v string) string {
			text := `
  group "killg" {
    gid     = 1700
    members = ["killMEMBER"]
  }
  user "killa" {
    uid   = 1701
    group = "killg"
    gecos = "Kill VARIANT"
    home  = "/home/killa"
    shell = "SHELL"
  }
`
			if v == "A" {
				return strings.NewReplacer("VARIANT", "A", "MEMBER", "a", "SHELL", "/bin/bash").Replace(text)
			}
			return strings.NewReplacer("VARIANT", "B", "MEMBER", "b", "SHELL", "/sbin/nologin").Replace(text) + `
  user "killb" {
    uid   = 1702
    group = "killg"
    home  = "/home/killb"
    shell = "/bin/bash"
  }
`
		},
	}
}

// services are a unit of the test's own, and httpd, which must run on what is
// in its two files.
func services() *killSort {
	const unit = "/etc/systemd/system/killd.service"
	unitText := func(v string) string {
		return "[Service]\nExecStart=/bin/sh -c 'echo " + v + " >/run/hikae-kill; exec sleep infinity'\n[Install]\nWantedBy=multi-user.target\n"
	}
	redirect := func(path, v string) string { return "Redirect 301 /" + path + " http://" + v + "/\n" }
	ds := []described{
		{unit, fileOf("644 root root", unitText("A")), fileOf("644 root root", unitText("B"))},
		{"/etc/httpd/conf.d/kill1.conf", fileOf("644 root root", redirect("kill1", "a")), fileOf("644 root root", redirect("kill1", "b"))},
		{"/etc/httpd/conf.d/kill2.conf", fileOf("644 root root", redirect("kill2", "a")), fileOf("644 root root", redirect("kill2", "b"))},
	}
	return &killSort{
		name: "services", weight: 2, files: describePaths(ds), wantFiles: wantPaths(ds), changesMind: true,
		look: describePaths(ds) + `
systemctl is-active httpd killd
for p in kill1 kill2; do curl -s -o /dev/null -w '%{http_code} %{redirect_url}\n' http://localhost/$p; done
systemctl is-active -q killd && cat /run/hikae-kill; systemctl is-enabled killd 2>/dev/null | grep -x enabled
systemctl show -p NeedDaemonReload killd; true`,
		want: func(v string) string {
			files := wantPaths(ds)(v)
			if v == "" {
				return files + "active\ninactive\n404 \n404 \nNeedDaemonReload=no\n"
			}
			l := strings.ToLower(v)
			return files + "active\nactive\n301 http://" + l + "/\n301 http://" + l + "/\n" + v + "\nenabled\nNeedDaemonReload=no\n"
		},
		hcl: func(v string) string {
			l := strings.ToLower(v)
			return fmt.Sprintf(`
  file %q { content = %q }
  service "killd.service" {
    enabled = true
    running = true
  }
  file "/etc/httpd/conf.d/kill1.conf" { content = %q }
  file "/etc/httpd/conf.d/kill2.conf" { content = %q }
`, unit, unitText(v), redirect("kill1", l), redirect("kill2", l))
		},
	}
}

func packages() *killSort {
	return &killSort{
		name: "packages", weight: 3, changesMind: true,
		look: `rpm -q --qf '%{NAME}\n' ipcalc libatomic liburing | grep -v 'not installed'
rpm -qa --qf '%{NAME}.%{ARCH}\n' | grep -v gpg-pubkey | sort | uniq -d; true`,
		want: func(v string) string {
			return map[string]string{"A": "ipcalc\nlibatomic\n", "B": "libatomic\nliburing\n"}[v]
		},
		hcl: func(v string) string {
			if v == "A" {
				return "  package \"ipcalc\" {}\n  package \"libatomic\" {}\n"
			}
			return "  package \"libatomic\" {}\n  package \"liburing\" {}\n"
		},
	}
}
