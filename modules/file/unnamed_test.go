package file

import (
	"io"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

const secretText = "-----BEGIN PRIVATE KEY-----\n"

// steady is a host of which no file is written. In the place of one named swapped
// there is another just before it is looked at.
type steady struct{ *hosttest.Host }

func (s steady) Steady(path string) (func() (io.ReadCloser, error), bool) {
	if strings.HasSuffix(path, "swapped") {
		s.Write(path, secretText+strings.Repeat("A", 300-len(secretText)))
	}
	return func() (io.ReadCloser, error) { return s.Open(path) }, !strings.HasSuffix(path, "written")
}

// noting is a vault that remembers what has which sort of name.
type noting struct {
	engine.Vault
	unnamed map[string]int64
	named   int
	secrets int
}

func (n *noting) Unnamed(path string, size int64, _ func() (io.ReadCloser, error)) {
	n.unnamed[path] = size
}
func (n *noting) Plain(hosts.Content, func() (io.ReadCloser, error)) { n.named++ }
func (n *noting) Secret(func() (io.ReadCloser, error)) (hosts.Content, error) {
	n.secrets++
	return hosts.Content{Size: 1, Sealed: true}, nil
}

// Only a large file that is no package's, no secret, of a size of its own and not being
// written comes without a name, and only where that is asked for.
func TestUnnamed(t *testing.T) {
	h := hosttest.New(t)
	for path, text := range map[string]string{
		"/srv/large": strings.Repeat("x", 100), "/srv/known": strings.Repeat("x", 200), "/srv/small": "x", "/srv/being-written": strings.Repeat("x", 150),
		"/srv/key.pem": secretText + strings.Repeat("A", 400), "/srv/swapped": strings.Repeat("x", 300),
		"/srv/twin": strings.Repeat("x", 500), "/srv/other-twin": strings.Repeat("x", 500),
	} {
		h.Write(path, text)
	}
	h.Mkdir("/etc")
	for _, large := range []*engine.Unnamed{nil, {From: 100, But: []int64{200}}} {
		v := &noting{unnamed: map[string]int64{}}
		found := map[string]hosts.Content{}
		_, err := Module{}.Read(t.Context(), steady{h}, engine.Scope{Paths: []string{"/srv"}, Unnamed: large, Vault: v}, func(r engine.Resource) error {
			if r.Node.Type == hosts.File {
				found[r.Addr.Name] = r.Node.Content
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		without, swapped := 0, 0
		if large != nil {
			without, swapped = 1, 1
		}
		if len(v.unnamed) != without || v.named != 8-without-swapped || v.secrets != 1+swapped || len(found) != 9 { // with /etc/os-release
			t.Errorf("%v: %v without a name, %d named, %d secrets of %v", large, v.unnamed, v.named, v.secrets, found)
		}
		if c := found["/srv/large"]; c.ID.IsZero() != (large != nil) || c.Size != 100 || large != nil && v.unnamed["/srv/large"] != 100 {
			t.Errorf("%v: the large one is %v", large, c)
		}
	}
}
