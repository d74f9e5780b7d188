package hosts

import (
	"slices"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		path  string
		trees []string
		want  bool
	}{
		{"/srv", []string{"/srv"}, true},
		{"/srv/a\xff", []string{"/etc", "/srv"}, true},
		{"/srv2", []string{"/srv"}, false},
		{"/", []string{"/srv"}, false},
		{"/anything", []string{"/"}, true},
		{"/srv", nil, false},
	} {
		if got := Within(c.path, c.trees); got != c.want {
			t.Errorf("%q in %q: %v", c.path, c.trees, got)
		}
	}
}

func TestOutermost(t *testing.T) {
	got := Outermost([]string{"/srv/a", "/etc", "/srv", "/srv", "/srv.d", "/etc/a/b"})
	if want := []string{"/etc", "/srv", "/srv.d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
