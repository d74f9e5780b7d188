package engine

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"hikae/hosts"
)

func TestTree(t *testing.T) {
	nodes := map[string]*hosts.Node{
		"/etc/httpd/conf/httpd.conf": {Type: hosts.File, Mode: 0o600},
		"/etc/httpd":                 {Type: hosts.Dir, Mode: 0o700},
		"/etc/httpd/conf.d/b.conf":   {Type: hosts.File},
		"/etc/httpd/conf.d/a.conf":   {Type: hosts.Link, Link: "b.conf"},
		"/etc/gone":                  {Type: hosts.Absent},
		"/top":                       {Type: hosts.File},
	}
	tree := NewTree(hosts.Facts{ID: "rocky"}, maps.All(nodes), func(p string, _ *hosts.Node) ([]byte, error) { return []byte(p), nil })
	for dir, want := range map[string][]string{
		"/": {"etc", "top"}, "/etc": {"httpd"}, "/etc/httpd": {"conf", "conf.d"}, "/etc/httpd/conf.d": {"a.conf", "b.conf"},
	} {
		if got, err := tree.ReadDir(dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("in %s are %v, %v; want %v", dir, got, err, want)
		}
	}
	if n, err := tree.Stat("/etc/httpd"); err != nil || n.Mode != 0o700 {
		t.Errorf("a directory is %+v, %v", n, err)
	}
	if n, err := tree.Stat("/etc/httpd/conf.d"); err != nil || n.Type != hosts.Dir {
		t.Errorf("a directory that nobody named is %+v, %v", n, err)
	}
	for _, p := range []string{"/etc/gone", "/etc/htt", "/x"} {
		if _, err := tree.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", p, err)
		}
	}
	real, b, err := ReadTreeFile(tree, "/etc/httpd/conf.d/a.conf")
	if err != nil || real != "/etc/httpd/conf.d/b.conf" || string(b) != real {
		t.Errorf("a link gives %s, %q, %v", real, b, err)
	}
	if _, err := tree.ReadFile("/etc/httpd"); err == nil {
		t.Error("a directory was read")
	}
}
