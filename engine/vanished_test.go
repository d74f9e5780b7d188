package engine

import (
	"slices"
	"testing"
)

func TestVanished(t *testing.T) {
	for name, c := range map[string]struct {
		now, before, asked []string
		holes              []string
	}{
		"all there":         {[]string{"/srv"}, []string{"/srv"}, nil, nil},
		"gone":              {nil, []string{"/srv"}, nil, []string{"/srv"}},
		"new":               {[]string{"/srv"}, nil, nil, nil},
		"gone, not asked":   {nil, []string{"/srv"}, []string{"/etc/a", "/srv2"}, nil},
		"gone, asked below": {nil, []string{"/srv"}, []string{"/srv/a/b"}, []string{"/srv"}},
		"one of two":        {[]string{"/a"}, []string{"/a", "/b"}, nil, []string{"/b"}},
	} {
		got := Coverage{Roots: []string{"/srv"}, Mounts: c.now}.Vanished(c.before, c.asked)
		var holes []string
		for _, h := range got.Holes {
			if !h.Mount {
				t.Errorf("%s: %v is no mount's", name, h)
			}
			holes = append(holes, h.Path)
		}
		if !slices.Equal(holes, c.holes) {
			t.Errorf("%s: holes %v, want %v", name, holes, c.holes)
		}
		for _, m := range slices.Concat(c.now, c.before) {
			if !slices.Contains(got.Mounts, m) {
				t.Errorf("%s: %s is forgotten: %v", name, m, got.Mounts)
			}
		}
	}
}
