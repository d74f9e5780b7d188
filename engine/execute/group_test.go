package execute

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hikae/engine"
)

// Files and the units that read them form connected groups.
func TestGroups(t *testing.T) {
	units := []engine.Unit{
		{Name: "httpd.service", Reads: []string{"/etc/httpd/**", "/etc/pki/tls/**"}},
		{Name: "dovecot.service", Reads: []string{"/etc/dovecot/**", "/etc/pki/tls/**"}},
		{Name: "named.service", Reads: []string{"/etc/named.conf"}},
		{Name: "postgresql.service"},
	}
	files := func(paths ...string) (cs []engine.Change) {
		for _, p := range paths {
			cs = append(cs, engine.Change{Addr: engine.Addr{Kind: "file", Name: p}})
		}
		return cs
	}
	services := func(names ...string) (cs []engine.Change) {
		for _, n := range names {
			cs = append(cs, engine.Change{Addr: engine.Addr{Kind: "service", Name: n}})
		}
		return cs
	}
	tests := []struct {
		name            string
		files, services []engine.Change
		want            []string // group: members
	}{
		{"two daemons that share nothing", files("/etc/httpd/a", "/etc/dovecot/b"), nil,
			[]string{"/etc/httpd/a [httpd.service]", "/etc/dovecot/b [dovecot.service]"}},
		{"a certificate joins its readers", files("/etc/httpd/a", "/etc/dovecot/b", "/etc/pki/tls/c"), nil,
			[]string{"/etc/dovecot/b /etc/httpd/a /etc/pki/tls/c [dovecot.service httpd.service]"}},
		{"a unit's change goes with its files", files("/etc/named.conf"), services("named.service", "other.service"),
			[]string{"/etc/named.conf named.service [named.service]", "other.service []"}},
		{"a unit's own file", files("/etc/systemd/system/x.service.d/y.conf"), services("x.service"),
			[]string{"/etc/systemd/system/x.service.d/y.conf x.service []"}},
		{"files that nobody reads come first", files("/etc/named.conf", "/etc/motd"), nil,
			[]string{"/etc/motd []", "/etc/named.conf [named.service]"}},
		{"a known daemon of which no file changes", nil, services("postgresql.service"), []string{"postgresql.service [postgresql.service]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, g := range groupChanges(tt.files, tt.services, units) {
				var members, names []string
				for _, c := range slices.Concat(g.files, g.services) {
					members = append(members, c.Addr.Name)
				}
				for _, u := range g.units {
					names = append(names, u.Name)
				}
				slices.Sort(members)
				got = append(got, fmt.Sprintf("%s %v", strings.Join(members, " "), names))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
