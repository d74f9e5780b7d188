package local

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseNames(t *testing.T) {
	n, err := parseNames("user", strings.NewReader("root:x:0:0::/:/bin/sh\n+nis::::::\n# x:x:5:\nbroken\n:x:7:7:\nbig:x:4294967295:1:\nneg:x:-1:1:\nalso:x:0:0::/:\nroot:x:9:9::/:\n\xff:x:8:8::\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[uint32]string{0: "root", 8: "\xff", 9: "root"}; !maps.Equal(n.byID, want) {
		t.Errorf("names %v, want %v", n.byID, want)
	}
	if want := map[string]uint32{"root": 0, "also": 0, "\xff": 8}; !maps.Equal(n.ids, want) {
		t.Errorf("ids %v, want %v", n.ids, want)
	}
}

func TestParseOSRelease(t *testing.T) {
	got := parseOSRelease("# comment\nID=\"rocky\"\n\nVERSION_ID='8.10'\nNAME=\"a \\\"b\\\" \\$c\"\nPLAIN=x\nODD\nEMPTY=\"\"\nHALF=\"x\n")
	want := map[string]string{"ID": "rocky", "VERSION_ID": "8.10", "NAME": `a "b" $c`, "PLAIN": "x", "EMPTY": "", "HALF": `"x`}
	if !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFactsOfThisMachine(t *testing.T) {
	f := thisMachine(t).Facts()
	name, err := os.Hostname()
	if err != nil || f.Hostname != name || f.Arch == "" || f.Kernel == "" || f.Booted == 0 || f.LoginAccount == "" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFactsOfARoot(t *testing.T) {
	h, root := newHost(t)
	write(t, root, "usr/lib/os-release", "ID=rocky\nVERSION_ID=8.10\n")
	symlink(t, root, "../usr/lib/os-release", "etc/os-release")
	write(t, root, "etc/hostname", "rio1.example\n")
	if f := h.Facts(); f.ID != "rocky" || f.VersionID != "8.10" || f.Hostname != "rio1.example" || f.Policy != "" {
		t.Errorf("%+v", f)
	}
}

// FuzzParsers reads the small files of a host from hostile bytes.
func FuzzParsers(f *testing.F) {
	f.Add([]byte("root:x:0:0::/root:/bin/sh\n"))
	f.Add([]byte("ID=\"rocky\"\nSELINUX=x\nSELINUXTYPE=\"../..\"\n"))
	f.Add([]byte(`36 35 98:0 /mnt1 /m\040nt2 rw,noatime master:1 - ext3 /dev/root rw` + "\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseNames("user", strings.NewReader(string(b)))
		if err == nil {
			for id, name := range n.byID {
				if _, ok := n.ids[name]; !ok || n.name(id) != name {
					t.Fatalf("%d is %q, which is nobody", id, name)
				}
			}
		}
		parseOSRelease(string(b))
		p := filepath.Join(dir, "mountinfo")
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = readMounts(p, "/srv")
	})
}

func TestNamesAccount(t *testing.T) {
	for text, want := range map[string]bool{
		"taro ALL=(root) NOPASSWD: ALL\n":              true,
		"%wheel ALL=(ALL) ALL\n":                       false,
		"hanako,taro ALL=(ALL) ALL":                    true,
		"User_Alias ADMINS = hanako, taro\n":           true,
		"# taro ALL=(ALL) ALL\n":                       false,
		"tarou ALL=(ALL) ALL\ntar ALL=(ALL) ALL":       false,
		"Defaults:taro !requiretty\n":                  true,
		"ann ALL=(root) NOPASSWD: /home/taro/bin/x #t": false,
	} {
		if got := namesAccount([]byte(text), "taro"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
