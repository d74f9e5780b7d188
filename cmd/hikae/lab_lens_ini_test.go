package main

import (
	"strings"
	"testing"
)

// lensIniProject takes of the primary what php-fpm, MariaDB and systemd read.
const lensIniProject = `host "primary" { ssh = "root@primary" }
host "other" { ssh = "root@fresh" }
pair "house" {
  members         = [host.primary, host.other]
  initial_primary = host.primary
}
host "standby" {
  ssh     = "root@standby"
  follows = pair.house
  only    = ["module_stream:*", "package:php-fpm", "package:mariadb-server", "user:*", "group:*",
    "file:/etc/php-fpm.conf", "file:/etc/php-fpm.d/**", "file:/etc/my.cnf", "file:/etc/my.cnf.d/**", "file:/etc/httpd/conf.d/lab-*",
    "file:/etc/systemd/system/rio-b*", "file:/etc/systemd/system/lab-*/**", "file:/etc/systemd/system/lab-*", "file:/etc/rio/**",
    "service:php-fpm.service", "service:mariadb.service", "service:lab-*", "php_pool:**", "mariadb_setting:**", "unit:**"]
}
`

// TestLabLensIni makes a pool, changes the database's settings and a unit with a
// drop-in by overlays: the daemons serve them, and all other bytes stay.
func TestLabLensIni(t *testing.T) {
	l := newProject(t, lensIniProject)
	l.reset("standby")
	l.ok("snapshot", "primary")
	l.inStep("primary")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	l.exec("standby", `systemctl start mariadb php-fpm && mkdir -p /var/www/lens && echo '<?php echo getenv("LENS"), " ", ini_get("memory_limit"), " ", get_current_user() ? php_sapi_name() : "";' > /var/www/lens/index.php`)
	const files = `cd /etc && find my.cnf my.cnf.d php-fpm.conf php-fpm.d systemd/system -type f | sort | xargs sha256sum`
	before := l.exec("standby", files)
	rio := l.exec("standby", "cat /etc/my.cnf.d/rio.cnf")
	l.write("overlay.hcl", `overlay "host" "standby" {
  php_pool "lens" {
    user             = "apache"
    listen           = "/run/php-fpm/lens.sock"
    listen_acl_users = ["apache"]
    pm               = "ondemand"
    pm_max_children  = 2
    env              = { LENS = "seen; clearly" }
    php_admin_value  = { memory_limit = "77M" }
  }
  php_pool "owncloud" { php_admin_value = { memory_limit = "511M", upload_max_filesize = "4G" } }
  mariadb_setting "mysqld" "max_connections" { value = 77 }
  mariadb_setting "mysqld" "expire_logs_days" { value = 9 }
  unit "lab-echo.service" {
    unit    = { Description = ["An echo"] }
    service = { Type = ["oneshot"], ExecStart = ["/usr/bin/sh -c 'echo $LENS > /run/lab-echo'"], Environment = ["LENS=first"] }
  }
  unit "lab-echo.service" "second" {
    service = { Environment = ["", "\"LENS=second one\""] }
  }
  file "/etc/httpd/conf.d/lab-lens.conf" {
    content = <<-EOT
      Listen 8099
      <VirtualHost *:8099>
        DocumentRoot /var/www/lens
        <Directory /var/www/lens>
          Require all granted
        </Directory>
        <FilesMatch \.php$>
          SetHandler "proxy:unix:/run/php-fpm/lens.sock|fcgi://localhost"
        </FilesMatch>
      </VirtualHost>
    EOT
  }
}
`)
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", "curl -s http://127.0.0.1:8099/index.php"); got != "seen; clearly 77M fpm-fcgi" {
		t.Errorf("the page of the new pool: %q", got)
	}
	if got := l.exec("standby", `mysql -N -e 'select @@max_connections, round(@@expire_logs_days)'`); got != "77\t9\n" {
		t.Errorf("the database says %q", got)
	}
	if got := l.exec("standby", "systemctl start lab-echo.service && cat /run/lab-echo"); got != "second one\n" {
		t.Errorf("the unit wrote %q", got)
	}
	if got, want := l.exec("standby", "cat /etc/my.cnf.d/rio.cnf"), strings.Replace(rio, "_days=7", "_days=9", 1); got != want {
		t.Errorf("rio.cnf is\n%s", got)
	}
	var changed []string
	for line := range strings.Lines(l.exec("standby", files)) {
		if !strings.Contains(before, line) {
			changed = append(changed, strings.Fields(line)[1])
		}
	}
	if got := strings.Join(changed, " "); got != "my.cnf.d/hikae.cnf my.cnf.d/rio.cnf php-fpm.d/lens.conf php-fpm.d/owncloud.conf systemd/system/lab-echo.service systemd/system/lab-echo.service.d/second.conf" {
		t.Errorf("changed: %s", got)
	}
	l.remove("overlay.hcl")
	l.ok("apply", "standby", "--yes")
	l.inStep("standby")
	if got := l.exec("standby", files); got != before {
		t.Errorf("without the overlay:\n%s\nbefore:\n%s", got, before)
	}
}
