package main

import (
	"fmt"
	"strings"
)

// chaosEdit is something that people and programs do on a host. Its script
// may fail, as where what it works on is gone: it is counted when it did not.
type chaosEdit struct {
	name   string
	weight int
	script func(*chaos) string
}

// Two trees that are changed at will: one is configuration, one a mirror.
const (
	chaosConf = "/etc/chaos.d"
	chaosData = "/srv/chaos"
)

var (
	chaosDirs  = []string{"", "", "a", "b", "a/c", "a/c/d", "odd dir", "日本"}
	chaosFiles = []string{"f0", "f1", "f2", "f3", "f4", "f5", "with blank", "ünï", "%41", "-dash", "quote's", "star*", `back\slash`}
	chaosRPMs  = []string{"ipcalc", "libatomic", "liburing"}
)

// quoted is a word of a shell's.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (c *chaos) pick(from []string) string { return from[c.rng.IntN(len(from))] }

// ground is one of the two trees.
func (c *chaos) ground() string { return c.pick([]string{chaosConf, chaosData}) }

// folder is a directory below one of the trees, which may not be there.
func (c *chaos) folder() string {
	return c.ground() + "/" + c.pick(chaosDirs[2:])
}

// file is a path in a tree, which may not be there.
func (c *chaos) file(ground string) string {
	dir := c.pick(chaosDirs)
	if dir != "" {
		dir += "/"
	}
	p := ground + "/" + dir + c.pick(chaosFiles)
	c.edited[p] = true
	return p
}

// text is like no text before it.
func (c *chaos) text() string {
	c.texts++
	return strings.Repeat(fmt.Sprintf("text %d\n", c.texts), 1+c.rng.IntN(200))
}

// on is a script on one file; $1 is its path, $2 another's in the same tree, $3
// a new text.
func on(script string) func(*chaos) string {
	return func(c *chaos) string {
		g := c.ground()
		return fmt.Sprintf("set -- %s %s %s; %s", quoted(c.file(g)), quoted(c.file(g)), quoted(c.text()), script)
	}
}

// in is as on, in the mirror only.
func in(script string) func(*chaos) string {
	return func(c *chaos) string {
		return fmt.Sprintf("set -- %s %s %s; %s", quoted(c.file(chaosData)), quoted(c.file(chaosData)), quoted(c.text()), script)
	}
}

// as is a script with a number in the place of %d.
func as(script string, below int) func(*chaos) string {
	return func(c *chaos) string {
		return strings.ReplaceAll(script, "%d", fmt.Sprint(c.rng.IntN(below)))
	}
}

func chaosEdits() []*chaosEdit {
	return []*chaosEdit{
		// Files of both trees.
		{"replaced by a rename", 12, on(`printf %s "$3" >"${1%/*}/.new.swp" && mv -fT "${1%/*}/.new.swp" "$1"`)},
		{"written in place", 8, on(`printf %s "$3" >"$1"`)},
		{"appended to", 5, on(`printf %s "$3" >>"$1"`)},
		{"emptied", 2, on(`: >"$1"`)},
		// Not in a mirror's tree: while nobody watches, that is found of no file there.
		{"written with the old size and time", 3, on(`case "$1" in ` + chaosConf + `/*) touch -r "$1" /run/chaos && tr a-y b-z <"$1" >/run/chaos.text && cat /run/chaos.text >"$1" && touch -r /run/chaos "$1" ;; esac`)},
		{"deleted", 6, on(`rm "$1"`)},
		{"renamed", 7, on(`mv -fT "$1" "$2"`)},
		{"exchanged", 2, on(`mv -T "$1" "$1.x" && mv -T "$2" "$1" && mv -T "$1.x" "$2"`)},
		{"mode", 4, on(`chmod $(shuf -n1 -e 600 640 644 664 755 700) "$1"`)},
		{"owner", 4, on(`chown -h $(shuf -n1 -e root:root mail:mail daemon:root root:mail) "$1"`)},
		{"ACL", 3, on(`[ ! -L "$1" ] && setfacl -m u:daemon:r,g:mail:rw "$1"`)},
		{"ACL off", 1, on(`[ ! -L "$1" ] && setfacl -b "$1"`)},
		{"extended attribute", 2, on(`[ -f "$1" ] && [ ! -L "$1" ] && setfattr -n user.chaos -v "${#3}" "$1"`)},
		{"time", 1, in(`touch -h -d "@$((1000000000 + ${#3}))" "$1"`)},
		{"symbolic link", 3, on(`ln -sfnT "${2##*/}" "$1"`)},
		{"directory in a file's place", 1, on(`rm -rf "$1"; mkdir "$1" && printf %s "$3" >"$1/in"`)},
		{"file in a directory's place", 1, on(`[ -d "$1" ] && rm -rf "$1" && printf %s "$3" >"$1"`)},
		// Directories.
		{"directory made", 9, func(c *chaos) string { return "mkdir -p " + quoted(c.folder()) }},
		{"directory deleted", 2, func(c *chaos) string { d := quoted(c.folder()); return "[ -d " + d + " ] && rm -rf " + d }},
		{"directory renamed", 2, func(c *chaos) string {
			g := c.ground()
			return fmt.Sprintf("mv -T %s %s", quoted(g+"/"+c.pick(chaosDirs[2:])), quoted(g+"/"+c.pick(chaosDirs[2:])))
		}},
		{"directory's mode", 1, func(c *chaos) string { return "chmod $(shuf -n1 -e 755 750 711) " + quoted(c.folder()) }},
		{"directory's default ACL", 1, func(c *chaos) string { return "setfacl -d -m g:mail:rx " + quoted(c.folder()) }},
		// The mirror only.
		{"hard link", 4, in(`ln -f "$1" "$2"`)},
		{"sparse file", 1, in(`rm -rf "$1"; truncate -s 4M "$1" && printf %s "$3" | dd of="$1" bs=1M seek=2 conv=notrunc`)},
		{"big file", 1, in(`head -c 3000000 /dev/urandom >"$1"`)},
		{"written slowly", 1, in(`( for i in 1 2 3 4 5 6; do printf %s "$3"; sleep 0.3; done >"$1" ) &`)},
		{"many files", 1, in(`d="${1%/*}/many"; mkdir -p "$d" && for i in $(seq 150); do echo "$i ${#3}" >"$d/$i"; done`)},
		// People.
		{"user made", 2, as(`useradd -M -u 180%d chaos%d`, 5)},
		{"user changed", 2, as(`usermod -c "chaos $RANDOM" -s /bin/sh chaos%d`, 5)},
		{"user's password", 1, as(`echo "chaos%d:pass$RANDOM" | chpasswd`, 5)},
		{"user removed", 1, as(`userdel chaos%d`, 5)},
		{"group made", 1, as(`groupadd -g 185%d chaosg%d`, 3)},
		{"group joined", 1, as(`gpasswd -a chaos%d chaosg%d`, 3)},
		{"group removed", 1, as(`groupdel chaosg%d`, 3)},
		// Units.
		{"unit written", 2, as(`printf '[Unit]\nDescription=chaos %s\n[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' "$RANDOM" >/etc/systemd/system/chaos%d.service && systemctl daemon-reload`, 3)},
		{"unit enabled", 2, as(`systemctl enable --now chaos%d.service`, 3)},
		{"unit disabled", 1, as(`systemctl disable --now chaos%d.service`, 3)},
		{"unit removed", 1, as(`systemctl disable --now chaos%d.service; rm /etc/systemd/system/chaos%d.service && systemctl daemon-reload`, 3)},
		{"sysctl", 1, as(`echo "net.ipv4.ip_default_ttl = 6%d" >/etc/sysctl.d/chaos.conf`, 9)},
		// A daemon's configuration.
		{"httpd", 4, as(`printf 'Redirect 301 /chaos http://chaos-%s.example/\n' "$RANDOM$RANDOM" >/etc/httpd/conf.d/chaos%d.conf && systemctl reload httpd`, 3)},
		{"httpd's file removed", 1, as(`rm /etc/httpd/conf.d/chaos%d.conf && systemctl reload httpd`, 3)},
		{"httpd broken", 1, func(*chaos) string { return `echo "NoSuchDirective on" >/etc/httpd/conf.d/chaos-bad.conf` }},
		{"httpd mended", 2, func(*chaos) string { return chaosMend }},
	}
}

// chaosPackages are transactions: they take long, and so are seldom.
func chaosPackages() []*chaosEdit {
	one := func(script string) func(*chaos) string {
		return func(c *chaos) string { return strings.ReplaceAll(script, "NAME", c.pick(chaosRPMs)) }
	}
	return []*chaosEdit{
		{"dnf install", 3, one(`timeout 40 dnf -y -q install NAME`)},
		{"dnf remove", 2, one(`rpm -q NAME && timeout 40 dnf -y -q remove NAME`)},
		{"rpm -e", 1, one(`rpm -e NAME`)},
		{"rpm -U", 2, one(`rpm -U /root/chaos-rpms/NAME-*.rpm`)},
	}
}

// chaosMend takes away what the daemon refuses.
const chaosMend = `rm /etc/httpd/conf.d/chaos-bad.conf && systemctl reload httpd`
