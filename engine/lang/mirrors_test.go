package lang

import (
	"reflect"
	"testing"
	"testing/fstest"
	"time"
)

func TestMirror(t *testing.T) {
	const hosts = `
host "a" { local = true }
host "b" { ssh = "root@b" }
pair "p" {
  members         = [host.a, host.b]
  initial_primary = host.a
  mirror "/srv/plain" {}
  mirror "/srv/all" {
    reload    = ["httpd.service"]
    run       = ["/usr/bin/doveadm", "index", "-A", "INBOX", "-A"]
    exclude   = ["*.bak", "/srv/all/tmp"]
    every     = "10m"
    versions  = "3d"
    bandwidth = "100Mbit"
    keep_free = 10
    ids       = "numbers"
  }
}
`
	p, diags := Load(fstest.MapFS{"a.hcl": {Data: []byte(hosts)}}, testSchemas(), Options{Version: "0.1.0-dev"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	got := p.Pairs[0].Mirrors
	for i := range got {
		got[i].Range = p.Pairs[0].Range
	}
	want := []Mirror{
		{Path: "/srv/plain", Versions: 7 * 24 * time.Hour, KeepFree: 5, Range: p.Pairs[0].Range},
		{
			Path: "/srv/all", Reload: []string{"httpd.service"}, Run: []string{"/usr/bin/doveadm", "index", "-A", "INBOX", "-A"},
			Exclude: []string{"/**/*.bak", "/srv/all/tmp"}, Every: 10 * time.Minute, Versions: 72 * time.Hour,
			Bandwidth: 12_500_000, KeepFree: 10, Numbers: true, Range: p.Pairs[0].Range,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]int64{
		"1": 1, "20MB": 20e6, "20MB/s": 20e6, "8Kbit": 1000, "1GB": 1e9, "0": 0, "-1MB": 0, "MB": 0, "1XB": 0, "1.5MB": 0, "99999999999GB": 0,
	} {
		if got, err := parseRate(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v", s, got, err)
		}
	}
}
