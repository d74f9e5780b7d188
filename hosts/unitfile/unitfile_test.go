package unitfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files; a text that begins with "->" makes a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	wanted = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
	plain  = "[Unit]\nWantedBy=not.here\n[Service]\nExecStart=/bin/true\n"
)

var example = map[string]string{
	"usr/lib/systemd/system/on.service":                          wanted,
	"usr/lib/systemd/system/off.service":                         wanted,
	"usr/lib/systemd/system/static.service":                      plain,
	"usr/lib/systemd/system/indirect.service":                    plain + "[Install]\nAlso=on.service\n",
	"usr/lib/systemd/system/masked.service":                      wanted,
	"usr/lib/systemd/system/empty.service":                       wanted,
	"usr/lib/systemd/system/dropin.service":                      plain,
	"usr/lib/systemd/system/required.socket":                     "[Socket]\nListenStream=1\n[Install]\nRequiredBy=x.target\n",
	"usr/lib/systemd/system/tty@.service":                        plain + "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
	"usr/lib/systemd/system/idle@.service":                       plain + "[Install]\nWantedBy=getty.target\n",
	"usr/lib/systemd/system/real.service":                        plain + "[Install]\nAlias=other.service\n",
	"usr/lib/systemd/system/alias.service":                       "->static.service",
	"usr/lib/systemd/system/shipped.target.wants/static.service": "->../static.service",
	"usr/lib/systemd/system/not-a-unit.conf":                     "x",
	"etc/systemd/system/own.service":                             wanted,
	"etc/systemd/system/masked.service":                          "->/dev/null",
	"etc/systemd/system/empty.service":                           "",
	"etc/systemd/system/other.service":                           "->/usr/lib/systemd/system/real.service",
	"etc/systemd/system/dropin.service.d/install.conf":           "[Install]\nWantedBy=multi-user.target\n",
	"etc/systemd/system/multi-user.target.wants/on.service":      "->/usr/lib/systemd/system/on.service",
	"etc/systemd/system/multi-user.target.wants/own.service":     "->../own.service",
	"etc/systemd/system/x.target.requires/required.socket":       "->/usr/lib/systemd/system/required.socket",
	"etc/systemd/system/getty.target.wants/tty@tty1.service":     "->/usr/lib/systemd/system/tty@.service",
	"etc/systemd/system/getty.target.wants/tty@tty2.service":     "->/usr/lib/systemd/system/tty@.service",
	"etc/systemd/system/getty.target.wants/idle@one.service":     "->/usr/lib/systemd/system/idle@.service",
	"etc/systemd/system/default.target":                          "->/usr/lib/systemd/system/goal.target",
	"usr/lib/systemd/system/goal.target":                         "[Unit]\nAllowIsolate=yes\n",
	"etc/systemd/system/nick.service":                            "->/usr/lib/systemd/system/nicked.service",
	"usr/lib/systemd/system/nicked.service":                      plain,
	"run/systemd/system/passing.target.wants/brief.service":      "->/usr/lib/systemd/system/brief.service",
	"usr/lib/systemd/system/brief.service":                       wanted,
	"run/systemd/system/hushed.service":                          "->/dev/null",
	"usr/lib/systemd/system/hushed.service":                      wanted,
	"etc/systemd/system/linked.service":                          "->/opt/linked.service",
	"opt/linked.service":                                         wanted,
	"run/systemd/generator/made.service":                         plain,
}

func states(t *testing.T, root string) map[string]string {
	t.Helper()
	s, err := Scan(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	files, err := s.Files()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, f := range files {
		m[f.Name] = f.State
	}
	return m
}

func TestStates(t *testing.T) {
	want := map[string]string{
		"on.service": Enabled, "off.service": Disabled, "static.service": Static, "indirect.service": Indirect,
		"masked.service": Masked, "empty.service": Masked, "dropin.service": Disabled, "required.socket": Enabled,
		"tty@.service": Enabled, "tty@tty1.service": Enabled, "tty@tty2.service": Enabled, "idle@.service": Indirect, "idle@one.service": Enabled, "default.target": Alias, "goal.target": Indirect, "nick.service": Alias, "nicked.service": Indirect,
		"brief.service": EnabledRuntime, "hushed.service": MaskedRuntime,
		"real.service": Enabled, "alias.service": Alias, "other.service": Alias, "own.service": Enabled, "linked.service": Linked,
	}
	if diff := cmp.Diff(want, states(t, tree(t, example))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTemplate(t *testing.T) {
	for name, want := range map[string]string{"a@b.service": "a@.service", "a@.service": "", "a.service": "", "a@b@c.d.timer": "a@.timer"} {
		if got := Template(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestAgainstSystemctl holds states against systemctl --root: of
// the example, and of a real root that HIKAE_POLICY_ROOT names.
func TestAgainstSystemctl(t *testing.T) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		t.Skip("needs systemctl")
	}
	roots := []string{tree(t, example)}
	if root := os.Getenv("HIKAE_POLICY_ROOT"); root != "" {
		roots = append(roots, root)
	}
	for _, root := range roots {
		out, err := exec.Command("systemctl", "--root="+root, "list-unit-files", "--no-pager", "--no-legend", "--plain", "--full").Output()
		if err != nil {
			t.Fatal(err)
		}
		got, n := states(t, root), 0
		for line := range strings.Lines(string(out)) {
			field := strings.Fields(line)
			if len(field) < 2 || field[1] == "generated" || field[1] == "transient" {
				continue
			}
			n++
			if got[field[0]] != field[1] {
				t.Errorf("%s is %q, systemctl says %s", field[0], got[field[0]], field[1])
			}
		}
		t.Logf("%s: %d of %d files", root, n, len(got))
	}
}

func FuzzInstall(f *testing.F) {
	f.Add([]byte(wanted))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var in install
		in.parse(b)
	})
}
