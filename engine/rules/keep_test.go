package rules

import "testing"

func TestParseKeep(t *testing.T) {
	r, err := ParseKeep("/etc/my.cnf.d/*#mysqld.server_id")
	if err != nil || r.Pattern != "/etc/my.cnf.d/*" || r.Keys[0] != "mysqld.server_id" {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{"", "/etc/my.cnf", "#x", "etc/my.cnf#x", "/etc/my.cnf#", "/etc/[#x"} {
		if r, err := ParseKeep(bad); err == nil {
			t.Errorf("%q was taken for %+v", bad, r)
		}
	}
}

// Every pattern of the built-in keys compiles, and each key is told why.
func TestKeepLists(t *testing.T) {
	all, err := KeepWith([]string{"/etc/x#y"})
	if err != nil || all[0].Pattern != "/etc/x" {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, r := range all {
		if _, err := NewSet(Rule{Pattern: r.Pattern}); err != nil || r.Why == "" || len(r.Keys) == 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, path := range []string{"/etc/my.cnf", "/etc/my.cnf.d/server.cnf", "/etc/httpd/conf/httpd.conf", "/etc/named/zones/x.conf",
		"/etc/postgresql/13/main/postgresql.conf", "/var/lib/pgsql/data/postgresql.conf", "/etc/redis.conf", "/etc/redis/redis.conf",
		"/etc/ssh/sshd_config.d/50-local.conf", "/etc/php-fpm.d/www.conf", "/etc/sysctl.conf"} {
		found := false
		for _, r := range all {
			s, _ := NewSet(Rule{Pattern: r.Pattern})
			_, ok := s.Match(path)
			found = found || ok
		}
		if !found {
			t.Errorf("no rule has keys of %s", path)
		}
	}
}
