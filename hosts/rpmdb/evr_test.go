package rpmdb_test

import (
	"fmt"
	"testing"

	"hikae/hosts/rpmdb"
)

var versionPairs = []struct {
	a, b string
	want int
}{
	{"1.0", "1.0", 0}, {"1.0", "2.0", -1}, {"2.0.1", "2.0.1a", -1}, {"2.0.1a", "2.0.1", 1}, {"5.5p1", "5.5p2", -1}, {"5.5p10", "5.5p1", 1},
	{"10xyz", "10.1xyz", -1}, {"xyz10", "xyz10.1", -1}, {"xyz.4", "8", -1}, {"8", "xyz.4", 1}, {"5.5p2", "5.6p1", -1}, {"5.6p1", "6.5p1", -1},
	{"6.0.rc1", "6.0", 1}, {"10b2", "10a1", 1}, {"7.4.052", "7.4.52", 0}, {"2.50", "2.5", 1}, {"fc4", "fc.4", 0}, {"FC5", "fc4", -1},
	{"2a", "2.0", -1}, {"1.0", "1.fc4", 1}, {"3.0.0_fc", "3.0.0.fc", 0}, {"+", "_", 0}, {"", "a", -1}, {"1.", "1", 0}, {"00", "0", 0}, {"0", "a", 1},
	{"1.0~rc1", "1.0", -1}, {"1.0", "1.0~rc1", 1}, {"1.0~rc1", "1.0~rc2", -1}, {"1.0~rc1~git123", "1.0~rc1", -1}, {"~", "", -1}, {"~~", "~", -1},
	{"1.0^", "1.0", 1}, {"1.0^git1", "1.0", 1}, {"1.0^git1", "1.0^git2", -1}, {"1.0^git1", "1.01", -1}, {"1.0^20160101", "1.0.1", -1},
	{"1.0^20160101^git1", "1.0^20160102", -1}, {"1.0~rc1^git1", "1.0~rc1", 1}, {"1.0^git1~pre", "1.0^git1", -1}, {"1.0^", "1.0~", 1}, {"^", "~", 1},
	{"1b", "1b", 0}, {"b", "1", -1}, {"é1", "1", 0}, {"8.0.1763", "8.0.1763", 0}, {"99999999999999999999999", "99999999999999999999998", 1},
}

func TestCompareVersions(t *testing.T) {
	for _, p := range versionPairs {
		if got := rpmdb.CompareVersions(p.a, p.b); got != p.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", p.a, p.b, got, p.want)
		}
		if got := rpmdb.CompareVersions(p.b, p.a); got != -p.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", p.b, p.a, got, -p.want)
		}
	}
}

// rpm has the comparison in its Lua: what it says of all pairs is asked in one go.
func TestCompareVersionsLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	script, ours := "", ""
	for _, x := range versionPairs {
		for _, y := range versionPairs {
			if x.a == "" || y.b == "" { // rpm's Lua wants a version
				continue
			}
			script += fmt.Sprintf("io.write(rpm.vercmp(%q,%q),'\\n') ", x.a, y.b)
			ours += fmt.Sprintln(rpmdb.CompareVersions(x.a, y.b))
		}
	}
	if got := command(t, "rpm", "--eval", "%{lua:"+script+"}"); got != ours+"\n" {
		t.Errorf("rpm says\n%s\nwe say\n%s", got, ours)
	}
}

func TestEVR(t *testing.T) {
	for _, c := range []struct {
		in   string
		want rpmdb.EVR
		out  string
	}{
		{"1.2-3", rpmdb.EVR{Version: "1.2", Release: "3"}, "1.2-3"},
		{"32:9.11.36-16.el8_10.2", rpmdb.EVR{Epoch: 32, Version: "9.11.36", Release: "16.el8_10.2"}, "32:9.11.36-16.el8_10.2"},
		{"0:1", rpmdb.EVR{Version: "1"}, "1"},
		{":1", rpmdb.EVR{Version: "1"}, "1"},
	} {
		got, err := rpmdb.ParseEVR(c.in)
		if err != nil || got != c.want || got.String() != c.out {
			t.Errorf("ParseEVR(%q) = %+v (%s), %v", c.in, got, got, err)
		}
	}
	for _, bad := range []string{"", "x:1", "-1", "1-", "--", "1:", "1:2:3", "4294967296:1", "-1:1"} {
		if got, err := rpmdb.ParseEVR(bad); err == nil {
			t.Errorf("ParseEVR(%q) = %+v", bad, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"1:1-1", "2-1", 1}, {"1-2", "1-10", -1}, {"1", "1-10", 0}, {"0:1-1", "1-1", 0}, {"1.1-1", "1.0-9", 1}} {
		a, _ := rpmdb.ParseEVR(c.a)
		b, _ := rpmdb.ParseEVR(c.b)
		if got := a.Compare(b); got != c.want {
			t.Errorf("%s compared with %s = %d, want %d", a, b, got, c.want)
		}
	}
}
