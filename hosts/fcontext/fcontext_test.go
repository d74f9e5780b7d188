package fcontext

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

const base = `# a comment
/.*	system_u:object_r:default_t:s0
/usr/.*	system_u:object_r:usr_t:s0
/etc(/.*)?	system_u:object_r:etc_t:s0
/etc/\.pwd\.lock	--	system_u:object_r:shadow_t:s0
/etc/named(/.*)?	--	system_u:object_r:named_conf_t:s0
/etc/httpd?/conf	system_u:object_r:httpd_config_t:s0
/etc/(rc\.d/)?init\.d/.*	--	system_u:object_r:initrc_exec_t:s0
/a|/b	system_u:object_r:odd_t:s0
/tmp/.*	<<none>>
/usr/bin/sudo	--	system_u:object_r:sudo_exec_t:s0
/look/(?!ahead).*	system_u:object_r:look_t:s0
/opt/a\+b/.*	-d	system_u:object_r:plus_t:s0
`

func load(t *testing.T, files map[string]string) *Policy {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	p, err := Load(m, "fc")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLookup(t *testing.T) {
	p := load(t, map[string]string{
		"fc":           base,
		"fc.homedirs":  "/home/[^/]+/.+\tuser_u:object_r:user_home_t:s0\n",
		"fc.local":     "/etc/local.*\tsystem_u:object_r:local_t:s0\n/etc/x\\.conf\tsystem_u:object_r:x_t:s0\n",
		"fc.subs":      "/srv/etc /etc\n",
		"fc.subs_dist": "/bin /usr/bin\n/etc/systemd/system /usr/lib/systemd/system\n",
	})
	for path, want := range map[string]string{
		"/etc":                  "etc_t",
		"/etcetera":             "default_t",
		"/etc/passwd":           "etc_t",
		"/etc/.pwd.lock":        "shadow_t",
		"/etc/named/a":          "named_conf_t",
		"/etc/http/conf":        "httpd_config_t",
		"/etc/init.d/x":         "initrc_exec_t",
		"/etc/rc.d/init.d/x":    "initrc_exec_t",
		"/a/anything":           "odd_t",
		"/usr/bin/sudo":         "sudo_exec_t",
		"/bin/sudo":             "sudo_exec_t",
		"/binary":               "default_t",
		"/usr/bin/ls":           "usr_t",
		"/etc/localtime":        "local_t",
		"/etc/x.conf":           "x_t",
		"/srv/etc/x.conf":       "x_t",
		"/etc/systemd/system/a": "usr_t",
		"/home/alice/a\nb/\xff": "user_home_t",
		"/opt/a+b/c":            "default_t", // not a directory
		"/":                     "default_t",
		"/home/alice":           "default_t",
	} {
		got, err := p.Lookup(path, 0)
		if err != nil || !strings.Contains(got, ":"+want+":") {
			t.Errorf("%q: %s, %v; want %s", path, got, err, want)
		}
	}
	if got, _ := p.Lookup("/tmp/x", 0); got != None {
		t.Errorf("/tmp/x: %s", got)
	}
	if got, _ := p.Lookup("/opt/a+b/c", fs.ModeDir); !strings.Contains(got, "plus_t") {
		t.Errorf("/opt/a+b/c: %s", got)
	}
	if _, err := p.Lookup("/look/here", 0); !errors.Is(err, ErrExpression) {
		t.Errorf("/look/here: %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	for _, text := range []string{"/etc\n", "/etc -x a:b:c\n", "/etc -- a:b:c d\n"} {
		if _, err := Load(fstest.MapFS{"fc": {Data: []byte(text)}}, "fc"); err == nil {
			t.Errorf("%q: want an error", text)
		}
	}
	if _, err := Load(fstest.MapFS{}, "fc"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestSameButUser(t *testing.T) {
	if !SameButUser("unconfined_u:object_r:etc_t:s0", "system_u:object_r:etc_t:s0") || SameButUser("u:object_r:a_t:s0", "u:object_r:etc_t:s0") || SameButUser("a", "b") {
		t.Error("wrong")
	}
}

// TestAgainstMatchpathcon holds Lookup against the real tool, for every path of
// a root that has a policy and the tool: HIKAE_POLICY_ROOT names it, or it is
// this machine's.
func TestAgainstMatchpathcon(t *testing.T) {
	root := os.Getenv("HIKAE_POLICY_ROOT")
	if root == "" {
		root = "/"
	}
	found, err := filepath.Glob(filepath.Join(root, "etc/selinux/*/contexts/files/file_contexts"))
	if err != nil || len(found) == 0 || os.Geteuid() != 0 {
		t.Skip("needs root, and a root file system with an SELinux policy and matchpathcon")
	}
	name, err := filepath.Rel(root, found[0])
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(os.DirFS(root), name)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]fs.FileMode{}
	var paths []string
	for _, top := range []string{"etc", "usr", "var", "root", "home", "opt", "srv", "bin", "boot"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !strings.ContainsAny(path, "\n\t") {
				rel := "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
				modes[rel] = d.Type()
				paths = append(paths, rel)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const odd = 400 // paths that are not there, of every sort of name
	for i := range odd {
		if i < len(paths) {
			paths = append(paths, paths[i*len(paths)/odd]+"/x.so.1")
		}
	}
	cmd := exec.Command("xargs", "-d", `\n`, "matchpathcon")
	if root != "/" {
		cmd = exec.Command("chroot", root, "xargs", "-d", `\n`, "matchpathcon")
	}
	cmd.Stdin = strings.NewReader(strings.Join(paths, "\n"))
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("matchpathcon: %v", err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		path, want, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		mode, there := modes[path]
		if !ok || !there {
			continue
		}
		got, err := p.Lookup(path, mode)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; matchpathcon says %s", path, got, err, want)
		}
		n++
	}
	t.Logf("%d paths", n)
}

func FuzzPolicy(f *testing.F) {
	f.Add(base, "/etc/named/x")
	f.Add("/[ a:b:c:d\n", "/[")
	f.Add("a|b(c|)* x\n/(a x\n\\ y", "/a")
	f.Fuzz(func(_ *testing.T, text, path string) {
		p, err := Load(fstest.MapFS{"fc": {Data: []byte(text)}, "fc.subs": {Data: []byte(text)}}, "fc")
		if err != nil {
			return
		}
		_, _ = p.Lookup(path, 0)
	})
}

// FuzzIndex holds the index and the shortcuts against the plain rule: the last
// expression that matches.
func FuzzIndex(f *testing.F) {
	f.Add("/etc(/.*)?", "/etc/.*", "/etc/x")
	f.Add("/a?/b", "/a|/b", "/b")
	f.Add(`/a\.b{0}`, `/a\.[^/]*`, "/a.b")
	f.Fuzz(func(t *testing.T, one, two, path string) {
		if !strings.HasPrefix(path, "/") || len(strings.Fields(one)) != 1 || len(strings.Fields(two)) != 1 || one[0] == '#' || two[0] == '#' {
			return
		}
		p, err := Load(fstest.MapFS{"fc": {Data: []byte(one + " one\n" + two + " two\n")}}, "fc")
		if err != nil || len(p.specs) != 2 {
			return
		}
		got, err := p.Lookup(path, 0)
		if err != nil {
			return
		}
		want := None
		for _, literal := range []bool{false, true} {
			for i := range p.specs {
				s := &p.specs[i]
				re, err := p.regexp(int32(i))
				if err != nil {
					return
				}
				if (s.tail == tailNothing) == literal && re.MatchString(path) {
					want = s.context
				}
			}
		}
		if got != want {
			t.Fatalf("%s, %s: %s is %s, want %s", one, two, path, got, want)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	root := os.Getenv("HIKAE_POLICY_ROOT")
	p, err := Load(os.DirFS(root), "etc/selinux/default/contexts/files/file_contexts")
	if err != nil {
		b.Skip(err)
	}
	var paths []string
	var modes []fs.FileMode
	_ = filepath.WalkDir(root+"/etc", func(path string, d fs.DirEntry, err error) error {
		paths, modes = append(paths, strings.TrimPrefix(path, root)), append(modes, d.Type())
		return nil
	})
	for b.Loop() {
		for i, path := range paths {
			if _, err := p.Lookup(path, modes[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(paths)), "ns/path")
}

func BenchmarkLoad(b *testing.B) {
	root := os.Getenv("HIKAE_POLICY_ROOT")
	for b.Loop() {
		if _, err := Load(os.DirFS(root), "etc/selinux/default/contexts/files/file_contexts"); err != nil {
			b.Skip(err)
		}
	}
}
