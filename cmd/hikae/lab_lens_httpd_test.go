package main

import (
	"strings"
	"testing"
)

// httpdProject takes of the primary what httpd needs.
const httpdProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["file:/etc/httpd/conf/**", "file:/etc/httpd/conf.d/{vhost-lan,new.rio.example}.conf", "file:/var/www/{lan,status,new}/**", "vhost:*", "service:httpd.service"]
}
`

// TestLabLensHttpd adds a virtual host to the standby and moves another, and asks
// httpd there for both.
func TestLabLensHttpd(t *testing.T) {
	l := newProject(t, httpdProject)
	l.reset("standby")
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	const files = `cd /etc/httpd && find . -type f -not -name vhost-lan.conf -not -name new.rio.example.conf | sort | xargs sha256sum; cat conf.d/vhost-lan.conf`
	before := l.exec("standby", files)

	l.write("overlay.hcl", `overlay "host" "standby" {
  vhost "new.rio.example:8080" {
    listen        = ["*:8080"]
    aliases       = ["fresh.rio.example"]
    document_root = "/var/www/new"
    error_log     = "logs/new_error_log"
    access_logs   = [{ file = "logs/new_access_log", format = "common" }]
    redirects     = [{ from = "/old", to = "http://new.rio.example:8080/", status = "permanent" }]
    rewrite       = true
    rewrite_rules = [{ conditions = ["%%{QUERY_STRING} ^go$"], rule = "^/go$ /gone.html [R=302,L]" }]
  }
  vhost "status.rio.example:8080" {
    listen = ["127.0.0.1:8080"]
  }
  file "/var/www/new/index.html" {
    content = "a new page\n"
  }
  file "/var/www/status/index.html" {
    content = "status\n"
  }
  file "/var/www/lan/index.html" {
    content = "lan\n"
  }
}
`)
	plan := l.ok("plan", "standby")
	for _, want := range []string{"/etc/httpd/conf.d/new.rio.example.conf", `status.rio.example:8080`, "127.0.0.1:8080"} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %s:\n%s", want, plan)
		}
	}
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")

	// Asked by another address than that of status, which has none left there.
	const ask = `me=$(hostname -I | cut -d' ' -f1); ask() { curl -s -m 10 -o /tmp/page -w '%{http_code} %{redirect_url} ' -H "Host: $1" "http://$2:8080$3" && head -c 60 /tmp/page | head -1; rm -f /tmp/page; }; `
	for script, want := range map[string]string{
		`ask new.rio.example $me /`:        "200  a new page\n",
		`ask fresh.rio.example $me /`:      "200  a new page\n",
		`ask new.rio.example $me /old`:     "301 http://new.rio.example:8080/ ",
		`ask new.rio.example $me "/go?go"`: "302 http://new.rio.example/gone.html?go ",
		`ask anything 127.0.0.1 /`:         "200  status\n",
		`ask lan.rio.example $me /`:        "200  lan\n",
		`ask status.rio.example $me /`:     "200  a new page\n", // the first that httpd reads
	} {
		if got := l.exec("standby", ask+script); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	// Every other byte is as it was: of the one file, a word.
	want := strings.Replace(before, "<VirtualHost *:8080>\n    ServerName status", "<VirtualHost 127.0.0.1:8080>\n    ServerName status", 1)
	if got := l.exec("standby", files); got != want || want == before {
		t.Errorf("files are\n%s\nwant\n%s", got, want)
	}
	// What httpd does not live on is put back.
	l.write("overlay.hcl", `overlay "host" "standby" {
  vhost "new.rio.example:8080" {
    listen        = ["*:8080"]
    rewrite_rules = [{ rule = "^( /x" }]
  }
}
`)
	if r := l.hikae("apply", "standby", "--yes"); r.code == 0 {
		t.Errorf("a rule that httpd refuses is applied: %s", r.out)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	// The new one goes; where the other answers is this host's own by now.
	if got := l.exec("standby", files+`; ls conf.d/new* 2>/dev/null; true`); got != want {
		t.Errorf("without the overlay:\n%s\nwant\n%s", got, want)
	}
}
