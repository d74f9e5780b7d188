package main

import (
	"strings"
	"testing"
)

// dataProject carries redis's, PostgreSQL's and firewalld's configuration.
const dataProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
  paths           = ["/var/lib/pgsql/data", "/usr/lib/firewalld/zones"]
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  paths   = ["/var/lib/pgsql/data", "/usr/lib/firewalld/zones"]
  only    = ["user:redis", "group:redis", "user:postgres", "group:postgres", "file:/etc/redis.conf", "file:/var/lib/pgsql/data/**", "file:/{etc,usr/lib}/firewalld/**",
    "redis_setting:**", "postgresql_setting:**", "hba:**", "firewall_zone:**", "firewall_service:**"]
}
`

// TestLabLensData edits settings of redis and of PostgreSQL, rules of pg_hba.conf
// and zones of firewalld on a standby, and asks the daemons.
func TestLabLensData(t *testing.T) {
	l := newProject(t, dataProject)
	l.reset("standby")
	l.exec("standby", `dnf -y -q install redis firewalld postgresql-server && postgresql-setup --initdb >/dev/null && systemctl start redis postgresql firewalld`)
	l.ok("snapshot", "primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	t.Run("redis", func(t *testing.T) { sub(l, t).redis() })
	t.Run("firewalld", func(t *testing.T) { sub(l, t).firewalld() })
	t.Run("postgresql", func(t *testing.T) { sub(l, t).postgresql() })
}

// edited applies an overlay, asks for what a script shows, and takes the overlay
// away again. Every byte of the files but what was replaced is to be the same.
func (l *lab) edited(overlay, files, shows, want string, replaced ...string) {
	l.t.Helper()
	before := l.exec("standby", "cat "+files)
	l.write("overlay.hcl", "overlay \"host\" \"standby\" {\n"+overlay+"}\n")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", shows); got != want {
		l.t.Errorf("the daemon: %s\nwant: %s", got, want)
	}
	expected := strings.NewReplacer(replaced...).Replace(before)
	if expected == before {
		l.t.Errorf("nothing of %q is in %s", replaced, files)
	}
	if got := l.exec("standby", "cat "+files); got != expected {
		l.write("got", got)
		l.write("want", expected)
		l.t.Errorf("%s: see %s/got and want", files, l.dir)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", "cat "+files); got != before {
		l.t.Errorf("%s without the overlay are not what they were", files)
	}
}

func (l *lab) redis() {
	l.t.Helper()
	l.edited(`  redis_setting "maxmemory-policy" { value = "volatile-lfu" }
  redis_setting "timeout" { value = 77 }
`, "/etc/redis.conf", `redis-cli config get maxmemory-policy; redis-cli config get timeout`,
		"maxmemory-policy\nvolatile-lfu\ntimeout\n77\n",
		"\nmaxmemory-policy allkeys-lru\n", "\nmaxmemory-policy volatile-lfu\n", "\ntimeout 0\n", "\ntimeout 77\n")
	const shows = `cat /etc/redis.conf; systemctl show -p MainPID redis; redis-cli ping`
	before := l.exec("standby", shows)
	l.write("overlay.hcl", "overlay \"host\" \"standby\" {\n  redis_setting \"dir\" { value = \"/nonexistent\" }\n}\n")
	if r := l.hikae("apply", "standby", "--yes"); r.code == 0 || !strings.Contains(r.out+r.errOut, "redis.service") {
		l.t.Errorf("a directory that is not there: exit %d: %s%s", r.code, r.out, r.errOut)
	}
	if got := l.exec("standby", shows); got != before {
		l.t.Errorf("after a setting that redis dies of, redis is another or has another file")
	}
	l.remove("overlay.hcl")
	l.inStep("standby")
}

func (l *lab) firewalld() {
	l.t.Helper()
	before := l.exec("standby", "cat /etc/firewalld/zones/public.xml")
	const rule = `rule family="ipv4" source address="10.98.0.0/24" port port="9999" protocol="tcp" accept`
	l.write("overlay.hcl", `overlay "host" "standby" {
  firewall_zone "public" {
    ports      = ["8443/tcp"]
    rich_rules = ["`+strings.ReplaceAll(rule, `"`, `\"`)+`"]
  }
  firewall_service "lab" {
    short = "Lab"
    ports = ["7070/tcp", "7071-7075/udp"]
  }
  firewall_zone "work" { protocols = ["gre"] } # which only firewalld's package has
  firewall_zone "guests" {
    sources  = ["10.99.0.0/16"]
    services = ["lab"]
    target   = "DROP"
  }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	shows := `firewall-cmd --zone=public --list-ports; firewall-cmd --zone=public --list-rich-rules; firewall-cmd --zone=guests --list-services; firewall-cmd --zone=guests --list-sources
firewall-cmd --permanent --zone=guests --get-target; firewall-cmd --info-service=lab | grep '^  ports'; firewall-cmd --zone=work --list-protocols
grep -v gre /etc/firewalld/zones/work.xml | diff - /usr/lib/firewalld/zones/work.xml; ls /etc/firewalld/zones/guests.xml /etc/firewalld/services/lab.xml`
	want := "8443/tcp\n" + rule + "\nlab\n10.99.0.0/16\nDROP\n  ports: 7070/tcp 7071-7075/udp\ngre\n/etc/firewalld/services/lab.xml\n/etc/firewalld/zones/guests.xml\n"
	if got := l.exec("standby", shows); got != want {
		l.t.Errorf("firewalld: %s\nwant: %s", got, want)
	}
	after := l.exec("standby", "cat /etc/firewalld/zones/public.xml")
	expected := strings.NewReplacer(`<port port="8080" protocol="tcp"/>`, `<port port="8443" protocol="tcp"/>`, "</zone>", `  <rule family="ipv4">
    <source address="10.98.0.0/24"/>
    <port port="9999" protocol="tcp"/>
    <accept/>
  </rule>
</zone>`).Replace(before)
	if after != expected {
		l.t.Errorf("public.xml:\n%s\nwant:\n%s", after, expected)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", "cat /etc/firewalld/zones/public.xml; ls /etc/firewalld/zones/{guests,work}.xml 2>/dev/null; true"); got != before {
		l.t.Errorf("without the overlay:\n%s\nwant\n%s", got, before)
	}
}

func (l *lab) postgresql() {
	l.t.Helper()
	const psql = `cd / && runuser -u postgres -- psql -At -c `
	l.edited(`  postgresql_setting "max_connections" { value = 64 }
  postgresql_setting "log_min_duration_statement" { value = "3s" }
  hba "host firewall repl 10.98.0.12/32" {
    method  = "scram-sha-256"
  }
  hba "local firewall all" {
    method  = "peer"
    options = { map = "house" }
    before  = "local all all"
  }
`, "/var/lib/pgsql/data/postgresql.conf /var/lib/pgsql/data/pg_hba.conf",
		psql+`"show max_connections" -c "show log_min_duration_statement" -c "select type, database, user_name, auth_method, options from pg_hba_file_rules where 'firewall' = any(database) order by line_number"`,
		"64\n3s\nlocal|{firewall}|{all}|peer|{map=house}\nhost|{firewall}|{repl}|scram-sha-256|\n",
		"max_connections = 100", "max_connections = 64",
		"\nfsync = on\n", "\nfsync = on\nlog_min_duration_statement = 3s\n",
		"host    firewall        repl            10.98.0.12/32           md5", "host    firewall        repl            10.98.0.12/32           scram-sha-256",
		"\nlocal   all             all ", "\nlocal   firewall        all                                     peer map=house\nlocal   all             all ")
}
