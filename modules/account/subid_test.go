package account

import (
	"errors"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

func TestSetRanges(t *testing.T) {
	const file = "# by hand\nann:100000:65536\n1000:900000:10\n\nodd line\nbob:165536:65536"
	for name, tc := range map[string]struct {
		of   string
		want []string
		file string
	}{
		"nothing to do":    {"ann", []string{"100000:65536", "900000:10"}, file},
		"one goes":         {"ann", []string{"900000:10"}, strings.Replace(file, "ann:100000:65536\n", "", 1)},
		"one is replaced":  {"bob", []string{"300000:1"}, strings.Replace(file, "bob:165536:65536", "bob:300000:1", 1)},
		"one comes":        {"ann", []string{"100000:65536", "900000:10", "910000:5"}, strings.Replace(file, "900000:10\n", "900000:10\nann:910000:5\n", 1)},
		"somebody is new":  {"eve", []string{"400000:1", "500000:1"}, file + "\neve:400000:1\neve:500000:1\n"},
		"all of one go":    {"bob", nil, strings.TrimSuffix(file, "\nbob:165536:65536")},
		"nobody has any":   {"eve", nil, file},
		"all are replaced": {"ann", []string{"1:1"}, strings.Replace(file, "ann:100000:65536\n1000:900000:10\n", "ann:1:1\n", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			tb := parseTable(subuidPath, []byte(file), sbFields, sbStart, sbCount)
			uid := map[string]string{"ann": "1000", "bob": "1001", "eve": "1002"}[tc.of]
			tb.setRanges(tc.of, uid, tc.want)
			if got := string(tb.bytes()); got != tc.file || tb.changed != (got != file) {
				t.Errorf("got %q, changed %v\nwant %q", got, tb.changed, tc.file)
			}
			again := parseTable(subuidPath, tb.bytes(), sbFields, sbStart, sbCount)
			if got := again.ranges(tc.of, uid); strings.Join(got, " ") != strings.Join(tc.want, " ") {
				t.Errorf("reads %v", got)
			}
		})
	}
}

// Ranges that another account of the host has are refused, whichever way they
// come to be so.
func TestRangesOfAnother(t *testing.T) {
	for name, tc := range map[string]struct{ ranges, want string }{
		"another's":      {"200000:10", "keiko has 150000:65536"},
		"around":         {"1000:300000", "keiko has 150000:65536"},
		"beside":         {"215536:10", ""},
		"not a range":    {"215536", "want START:COUNT"},
		"a line more":    {"1:1\nroot:0:1", "want START:COUNT"},
		"past the end":   {"4294967000:1000", "want START:COUNT"},
		"none at all":    {"215536:0", "want START:COUNT"},
		"zeros before":   {"0215536:10", "want START:COUNT"},
		"an owner by id": {"700000:1", "2000 has 700000:5"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFake()
			h.file(subuidPath, 0o644, "keiko:150000:65536\n2000:700000:5\n")
			before := string(h.data[subuidPath])
			set := cty.SetVal([]cty.Value{cty.StringVal(tc.ranges)})
			c := wished(User{}, "ann", map[string]cty.Value{"subuid": set})
			c.Before = &engine.Resource{Addr: c.Addr, Value: read(t, User{}, h, vault{})["ann"]}
			_, err := apply(User{}, h, vault{}, c)
			if tc.want == "" {
				if err != nil || string(h.data[subuidPath]) != before+"ann:"+tc.ranges+"\n" {
					t.Errorf("got %v, %q", err, h.data[subuidPath])
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || string(h.data[subuidPath]) != before || len(h.writes) > 0 {
				t.Errorf("got %v, writes %v", err, h.writes)
			}
			if strings.Contains(tc.want, " has ") && !errors.Is(err, engine.ErrRefused) {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("ann:100000:65536\n1000:1:1\n# x", "5:5")
	f.Add("", "5:5")
	f.Add("\n\nann:1:1", "2:2")
	f.Fuzz(func(t *testing.T, file, one string) {
		r, err := parseRange(one)
		if err != nil {
			return
		}
		tb := parseTable(subuidPath, []byte(file), sbFields, sbStart, sbCount)
		bob := strings.Join(tb.ranges("bob", "1001"), " ")
		tb.setRanges("ann", "1000", []string{r.String()})
		again := parseTable(subuidPath, tb.bytes(), sbFields, sbStart, sbCount)
		if got := again.ranges("ann", "1000"); len(got) != 1 || got[0] != r.String() {
			t.Errorf("%q: %v after %s", file, got, r)
		}
		if got := strings.Join(again.ranges("bob", "1001"), " "); got != bob {
			t.Errorf("%q: another's %s became %s", file, bob, got)
		}
	})
}
