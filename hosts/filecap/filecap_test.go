package filecap

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		caps Caps
		want string
	}{
		{Caps{Permitted: 1 << 13, Effective: true}, "cap_net_raw=ep"},
		{Caps{Permitted: 1<<13 | 1<<10, Effective: true}, "cap_net_bind_service,cap_net_raw=ep"},
		{Caps{Permitted: 1 << 13, Inheritable: 1}, "cap_chown=i cap_net_raw+p"},
		{Caps{Permitted: 1<<known - 1, Effective: true}, "=ep"},
		{Caps{Permitted: 1<<known - 2, Effective: true}, "=ep cap_chown-ep"},
		{Caps{Permitted: 1 << 45}, "45=p"},
		{Caps{Permitted: 1<<46 - 1, Effective: true}, "=ep 41,42,43,44,45+ep"},
		{Caps{}, "="},
		{Caps{Permitted: 1 << 13, Effective: true, RootID: 1000}, "cap_net_raw=ep [rootid=1000]"},
	} {
		if got := tt.caps.String(); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.caps, got, tt.want)
		}
		if got, err := Parse(tt.want); err != nil || got != tt.caps {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", tt.want, got, err, tt.caps)
		}
	}
}

func TestParseForms(t *testing.T) {
	raw := Caps{Permitted: 1 << 13, Effective: true}
	for _, text := range []string{"cap_net_raw+ep", "CAP_NET_RAW=eip-i", "= cap_net_raw+ep", " cap_net_raw=p  cap_net_raw+e", "cap_13=ep", "13=ep", "all= cap_net_raw+pe"} {
		if got, err := Parse(text); err != nil || got != raw {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, raw)
		}
	}
	for _, text := range []string{"", " ", "cap_net_raw", "cap_nonsense=ep", "net_raw=ep", "cap_net_raw=x", "cap_net_raw+", "+ep", "64=p", "cap_net_raw+p=e", "cap_net_raw=ep [rootid=x]", "cap_net_raw=e cap_kill=p", "cap_kill,=p"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v; want an error", text, got)
		}
	}
}

// TestAgainstLibcap holds both directions against getcap and setcap.
func TestAgainstLibcap(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to set capabilities")
	}
	if _, err := exec.LookPath("getcap"); err != nil {
		t.Skip("needs getcap and setcap")
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	sets := []uint64{0, 1<<known - 1, 1<<known - 2, 1 << 13, 1<<13 | 1<<40}
	for range 20 {
		sets = append(sets, rnd.Uint64()&(1<<known-1), rnd.Uint64()&rnd.Uint64()&rnd.Uint64()&(1<<known-1))
	}
	for i, p := range sets {
		c := Caps{Permitted: p, Inheritable: sets[rnd.IntN(len(sets))], Effective: i%2 == 0}
		if c.Permitted|c.Inheritable == 0 {
			continue
		}
		if i%5 == 0 {
			c.RootID = 1000
		}
		if err := unix.Setxattr(path, "security.capability", c.Encode(), 0); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("getcap", "-n", path).CombinedOutput()
		if err != nil {
			t.Fatalf("getcap: %v: %s", err, out)
		}
		got := strings.TrimSpace(strings.TrimPrefix(string(out), path+" "))
		if want := c.String(); got != want {
			t.Errorf("getcap gives %q, we %q", got, want)
		}
		text := Caps{c.Permitted, c.Inheritable, c.Effective, 0}.String()
		if out, err := exec.Command("setcap", text, path).CombinedOutput(); err != nil {
			t.Fatalf("setcap %q: %v: %s", text, err, out)
		}
		buf := make([]byte, 100)
		n, err := unix.Getxattr(path, "security.capability", buf)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(buf[:n])
		c.RootID = 0
		if err != nil || back != c {
			t.Errorf("setcap %q made %+v, %v; want %+v", text, back, err, c)
		}
	}
}

func TestDecodeOld(t *testing.T) {
	got, err := Decode([]byte{1, 0, 0, 1, 0, 0x20, 0, 0, 1, 0, 0, 0})
	want := Caps{Permitted: 1 << 13, Inheritable: 1, Effective: true}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := Decode([]byte{1, 0, 0, 2}); !errors.Is(err, errFormat) {
		t.Errorf("short: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Caps{Permitted: 1 << 13, Effective: true, RootID: 7}.Encode())
	f.Add([]byte{1, 0, 0, 1, 0, 0x20, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Decode(b)
		if err != nil {
			return
		}
		if again, err := Decode(c.Encode()); err != nil || again != c {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
		back, err := Parse(c.String())
		if c.Permitted|c.Inheritable == 0 {
			c.Effective = false // says nothing, and the text has no place for it
		}
		if err != nil || back != c {
			t.Fatalf("%q: %+v, %v; want %+v", c.String(), back, err, c)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"cap_net_raw=ep", "=eip cap_kill-i", "= 45+p [rootid=9]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(c.String()); err != nil || again != c {
			t.Fatalf("%q gave %+v, its text %q gave %+v, %v", s, c, c.String(), again, err)
		}
	})
}
