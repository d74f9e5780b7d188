package acl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// host numbers its users as it likes; what has no name is decimal.
type host map[string]uint32

func (h host) UserName(id uint32) string {
	for n, i := range h {
		if i == id {
			return n
		}
	}
	return strconv.FormatUint(uint64(id), 10)
}
func (h host) GroupName(id uint32) string { return h.UserName(id) }
func (h host) UserID(name string) (uint32, error) {
	if id, ok := h[name]; ok {
		return id, nil
	}
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("no user %q", name)
	}
	return uint32(id), nil
}
func (h host) GroupID(name string) (uint32, error) { return h.UserID(name) }

func TestTextIsTheSameOnHostsThatNumberOtherwise(t *testing.T) {
	one, two := host{"alice": 1000, "bob": 1001}, host{"alice": 1001, "bob": 1000}
	const text = "u::rw-,u:1500:---,u:alice:r--,u:bob:rwx,g::r--,g:alice:-w-,m::rwx,o::---"
	for _, h := range []host{one, two} {
		l, err := Parse(text, h)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(l.Encode())
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("got %v, %v; want %v", back, err, l)
		}
		if got := back.Text(h); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestParse(t *testing.T) {
	h := host{"alice": 1000, "a,b:c": 7}
	for in, want := range map[string]string{
		"user::rw,user:alice:r,group::4,mask::r,other::-": "u::rw-,u:alice:r--,g::r--,m::r--,o::---",
		"o::0, g::5, u::7":                    "u::rwx,g::r-x,o::---",
		`u::7,u:a\054b\072c:7,g::0,m::7,o::0`: `u::rwx,u:a\054b\072c:rwx,g::---,m::rwx,o::---`,
	} {
		l, err := Parse(in, h)
		if err != nil || l.Text(h) != want {
			t.Errorf("%q: %q, %v; want %q", in, l.Text(h), err, want)
		}
	}
	for _, in := range []string{"", "u::rw", "u::rw,g::r,o::r,u:alice:r", "u::rw,g::r,o::r,m:x:r", "u::rw,g::r,o::r,o::r",
		"u::rww,g::r,o::r", "u::8,g::r,o::r", "u::rw,g::r,o::r,u:nobody:r,m::r", `u::rw,g::r,o::r,u:\0:r,m::r`, "x::rw,g::r,o::r", "u::,g::r,o::r"} {
		if l, err := Parse(in, h); err == nil {
			t.Errorf("%q: %v; want an error", in, l)
		}
	}
}

// TestAgainstTools holds both directions against setfacl and getfacl.
func TestAgainstTools(t *testing.T) {
	if _, err := exec.LookPath("setfacl"); err != nil {
		t.Skip("needs setfacl and getfacl")
	}
	h := host{}
	path := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(path, 0o750); err != nil {
		t.Fatal(err)
	}
	for attr, flags := range map[string][]string{"system.posix_acl_access": nil, "system.posix_acl_default": {"-d"}} {
		for _, text := range []string{
			"u::rwx,u:4000001:r-x,g::r-x,m::r-x,o::---",
			"u::rwx,u:4000001:r-x,u:4000002:--x,g::r-x,g:4000003:rwx,m::rwx,o::r--",
			"u::rwx,g::r-x,m::r--,o::---",
		} {
			set := append(append([]string{"-n", "-b"}, flags...), "-m", text, path)
			if out, err := exec.Command("setfacl", set...).CombinedOutput(); err != nil {
				t.Fatalf("setfacl: %v: %s", err, out)
			}
			buf := make([]byte, 1000)
			n, err := unix.Getxattr(path, attr, buf)
			if err != nil {
				t.Skipf("no lists on this file system: %v", err)
			}
			l, err := Decode(buf[:n])
			if err != nil || l.Text(h) != text {
				t.Errorf("setfacl %s: read as %q, %v", text, l.Text(h), err)
			}
			if err := unix.Setxattr(path, attr, l.Encode(), 0); err != nil {
				t.Fatal(err)
			}
			get := append([]string{"-n", "-c", "-p", "-E"}, flags...)
			if flags == nil {
				get = append(get, "-a")
			}
			out, err := exec.Command("getfacl", append(get, path)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			short := strings.NewReplacer("default:", "", "user:", "u:", "group:", "g:", "mask:", "m:", "other:", "o:", "\n", ",").Replace(strings.TrimSpace(string(out)))
			if short != text {
				t.Errorf("we wrote %q, getfacl reads %q", text, short)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	l, err := Parse("u::7,u:5:4,g::0,m::7,o::0", host{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(l.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Decode(b)
		if err != nil {
			return
		}
		back, err := Parse(l.Text(host{}), host{})
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("%v became %v, %v", l, back, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("u::7,u:5:4,g::0,m::7,o::0")
	f.Add(`u::rwx,g::r-x,o::---,m::r,g:\054:r`)
	h := host{",": 9, "alice": 1}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s, h)
		if err != nil {
			return
		}
		back, err := Parse(l.Text(h), h)
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("%v became %v, %v", l, back, err)
		}
	})
}
