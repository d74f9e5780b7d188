package rules

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/bc", false},
		{"/a/*", "/a/b", true},
		{"/a/*", "/a/", true},
		{"/a/*", "/a/b/c", false},
		{"/a/**", "/a/b/c", true},
		{"/a/**", "/a", false},
		{"/a/**", "/ab/c", false},
		{"/a/**/z", "/a/z", true},
		{"/a/**/z", "/a/b/c/z", true},
		{"/a/**/z", "/a/b/z/c", false},
		{"/**/*.x", "/y.x", true},
		{"/**/*.x", "/a/b/y.x", true},
		{"/**/m/**/*.x", "/a/m/b/c/y.x", true},
		{"/**/m/**/*.x", "/a/b/c/y.x", false},
		{"/**/**/x", "/x", true},
		{"/a{,/**}", "/a", true},
		{"/a{,/**}", "/a/b", true},
		{"/{a,b{c,d/e}}/f", "/bd/e/f", true},
		{"/{a,b{c,d/e}}/f", "/bd/f", false},
		{"/a?c", "/abc", true},
		{"/a?c", "/a/c", false},
		{"/[a-c]x[!0-9]", "/bxq", true},
		{"/[a-c]x[^0-9]", "/bx7", false},
		{"/[]x]", "/]", true},
		{"/[{,}]", "/,", true},
		{`/\*`, "/*", true},
		{`/\*`, "/x", false},
		{`/\{a,b\}`, "/{a,b}", true},
		{"/*a*b*c", "/xxaxxbxxc", true},
		{"/*a*b*c", "/xxaxxcxxb", false},
		{"/\xff*", "/\xff\xfe", true},
		{"/a\n*", "/a\nb", true},
		{"/a*a", "/a", false},
		{"getty@*.service", "getty@tty1.service", true},
		{"*.timer", "a/b.timer", false},
		{"", "", false},
	} {
		if got := Match(c.pattern, c.path); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for pattern, want := range map[string]string{
		"/a[b":                            "not closed",
		"/a[b/c]":                         "not closed",
		"/a{b,c":                          "not closed",
		"/a}b":                            "not opened",
		"/a**b":                           "stand alone",
		`/a\`:                             "single",
		"/[z-a]":                          "backwards",
		"/" + strings.Repeat("{a,b}", 20): "more than 256",
		"":                                "empty",
	} {
		if err := Validate(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate(%q) = %v, want %s", pattern, err, want)
		}
	}
}

func TestSetTakesTheFirstRule(t *testing.T) {
	s, err := NewSet(Rule{Pattern: "/**/*.x", Why: "first"}, Rule{Pattern: "/a/**", Why: "second"}, Rule{Pattern: "/a/b.x", Why: "third"})
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"/a/b.x": "first", "/a/c": "second"} {
		if r, ok := s.Match(p); !ok || r.Why != want {
			t.Errorf("%s: %q, want %q", p, r.Why, want)
		}
	}
	more, err := s.With(Rule{Pattern: "/mine"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := more.Match("/mine"); !ok {
		t.Error("an added rule does not match")
	}
	if _, ok := s.Match("/mine"); ok {
		t.Error("With changed the set")
	}
}

// Many stars and many ** take no more than their product.
func TestHostilePatternsAreBounded(t *testing.T) {
	deep := strings.Repeat("/a", 2000)
	if Match(strings.Repeat("/**/a", 40)+"/b", deep) {
		t.Error("matched")
	}
	if Match("/"+strings.Repeat("*a", 100)+"b", "/"+strings.Repeat("a", 4000)) {
		t.Error("matched")
	}
}

// FuzzMatch holds Match to path.Match where both have the same language.
func FuzzMatch(f *testing.F) {
	f.Add("/a/*.conf", "/a/b.conf")
	f.Add("/[a-z]?", "/b\xff")
	f.Add("/{a,b}/**", "/a/b/c")
	f.Fuzz(func(t *testing.T, pattern, p string) {
		if len(pattern) > 200 || len(p) > 200 {
			return
		}
		got := Match(pattern, p)
		if Validate(pattern) != nil {
			if got {
				t.Fatal("a bad pattern matches")
			}
			return
		}
		for _, b := range []byte(pattern + p) {
			if b >= 0x80 || strings.IndexByte(`{}[]\`, b) >= 0 {
				return
			}
		}
		if strings.Contains(pattern, "**") || pattern == "" {
			return
		}
		want, err := path.Match(pattern, p)
		if err == nil && got != want {
			t.Fatalf("Match(%q, %q) = %v, path.Match says %v", pattern, p, got, want)
		}
	})
}

func BenchmarkHostOnlyAndLeftOut(b *testing.B) {
	var paths []string
	for i := range 1000 {
		paths = append(paths, fmt.Sprintf("/etc/httpd/conf.d/site-%d.conf", i), fmt.Sprintf("/var/www/site/wp-content/uploads/2021/%d.jpg", i))
	}
	HostOnlyPath("/")
	LeftOutPath("/")
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p := paths[i%len(paths)]
		HostOnlyPath(p)
		LeftOutPath(p)
	}
}

func TestEscape(t *testing.T) {
	for _, p := range []string{"/srv", "/srv/a*b", "/srv/[x]{a,b}?", "/srv/back\\slash", "/caf\xe9/!^"} {
		if !Match(Escape(p), p) || Match(Escape(p), p+"x") || !Match(Escape(p)+"{,/**}", p+"/below") {
			t.Errorf("%q becomes %q", p, Escape(p))
		}
	}
}
