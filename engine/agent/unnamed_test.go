package agent

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

func fetchUnnamed(t *testing.T, c *Client, files ...Unnamed) (map[string]hosts.Content, error) {
	t.Helper()
	got := map[string]hosts.Content{}
	err := c.FetchUnnamed(t.Context(), files, func(f Unnamed, r io.Reader, name func() hosts.Content) error {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		got[f.Path] = name()
		return nil
	})
	return got, err
}

// What a read leaves without a name is fetched by its path, and has its name then.
// Nothing else is.
func TestFetchUnnamed(t *testing.T) {
	r := newRig(t)
	big, small := bytes.Repeat([]byte("0123456789abcdef"), 100_000), []byte("small")
	want, known := r.host.set("/srv/big", big), r.host.set("/srv/known", make([]byte, 1<<20))
	r.host.set("/etc/small", small)
	r.host.set("/etc/a.secret", make([]byte, 1<<20))
	c := r.client(t)
	one := Unnamed{"/srv/big", int64(len(big))}
	if _, err := fetchUnnamed(t, c, one); !errors.Is(err, engine.ErrRefused) {
		t.Errorf("before any read: %v", err)
	}
	large := &engine.Unnamed{From: 1 << 20, But: []int64{known.Size}}
	found := read(t, c, ReadRequest{Scope: engine.Scope{Unnamed: large}, HomeKey: testKey()})
	for path, id := range map[string]hosts.Content{"/srv/big": {Size: want.Size}, "/srv/known": known, "/etc/small": contentOf(small)} {
		if got := found[path].Node.Content; got != id {
			t.Errorf("%s was read as %v, want %v", path, got, id)
		}
	}
	if c := found["/etc/a.secret"].Node.Content; !c.Sealed {
		t.Errorf("a secret was read as %v", c)
	}
	got, err := fetchUnnamed(t, c, one)
	if err != nil || got["/srv/big"] != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, path := range []string{"/etc/small", "/srv/known", "/etc/a.secret", "/etc/shadow", "/etc/../srv/big", ""} {
		if _, err := fetchUnnamed(t, c, Unnamed{path, 1 << 20}); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("%q: %v", path, err)
		}
	}

	// One that grew has no name; the others still come.
	r.host.set("/srv/other", big)
	read(t, c, ReadRequest{Scope: engine.Scope{Unnamed: large}, HomeKey: testKey()})
	r.host.set("/srv/big", append(big, 'x'))
	got, err = fetchUnnamed(t, c, one, Unnamed{"/srv/other", one.Size})
	if !errors.Is(err, ErrChanged) || len(got) != 1 || got["/srv/other"] != want {
		t.Errorf("after one grew: %v, %v", got, err)
	}
}
