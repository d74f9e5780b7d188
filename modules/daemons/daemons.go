// Package daemons knows, for each daemon of the seed's server, which files it
// reads, how it checks them, what it derives from them, and whether it takes a
// change by a reload. It is the table from which changed files and units are
// joined into groups that are applied, or put back, as one. A lens that knows
// a daemon's configuration better takes its entry over.
package daemons

import (
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// Units lists the daemons. Sources: each daemon's manual page and EL 8's unit
// files.
func Units() []engine.Unit {
	return []engine.Unit{
		{
			Name:     "httpd.service",
			Reads:    []string{"/etc/httpd/**", tlsFiles},
			Check:    argv("/usr/sbin/httpd", "-t"),
			Reload:   true,
			Rehearse: &engine.Rehearse{Argv: []string{"/usr/sbin/httpd", "$OPTIONS", "-DFOREGROUND"}},
		},
		{
			Name:     "php-fpm.service",
			Reads:    []string{"/etc/php-fpm.conf", "/etc/php-fpm.d/*", "/etc/php.ini", "/etc/php.d/*"},
			Check:    argv("/usr/sbin/php-fpm", "-t"),
			Reload:   true,
			Rehearse: &engine.Rehearse{Argv: []string{"/usr/sbin/php-fpm", "--nodaemonize"}},
		},
		{
			Name:   "php74-php-fpm.service",
			Reads:  []string{"/etc/opt/remi/php74/**"},
			Check:  argv("/opt/remi/php74/root/usr/sbin/php-fpm", "-t"),
			Reload: true,
			Rehearse: &engine.Rehearse{
				Argv:  []string{"/opt/remi/php74/root/usr/sbin/php-fpm", "--nodaemonize"},
				State: []string{"/var/opt/remi/php74"},
			},
		},
		named("named.service"),
		namedChroot(),
		{
			Name:    "postfix.service",
			Reads:   []string{"/etc/postfix/**", "/etc/aliases", tlsFiles},
			Prepare: postfixMaps,
			Check:   postfixCheck,
			Reload:  true,
			// Without what takes mail from the queue, and so delivers none twice.
			Rehearse: &engine.Rehearse{
				Argv:    []string{postfixLibexec + "master", "-d"},
				State:   []string{"/var/lib/postfix", "/var/spool/postfix"},
				Without: []string{postfixLibexec + "qmgr", postfixLibexec + "nqmgr", postfixLibexec + "oqmgr", postfixLibexec + "pickup"},
				Lives:   1500 * time.Millisecond, // its programs wait for a second before they end: its msg_fatal
			},
		},
		{
			Name:   "dovecot.service",
			Reads:  []string{"/etc/dovecot/**", "/etc/pki/dovecot/**", tlsFiles},
			Check:  argv("/usr/bin/doveconf", "-n"),
			Reload: true,
			// It makes sockets where postfix finds them.
			Rehearse: &engine.Rehearse{Argv: []string{"/usr/sbin/dovecot", "-F"}, State: []string{"/var/lib/dovecot", "/var/spool/postfix"}},
		},
		{
			Name:  "dhcpd.service",
			Reads: []string{"/etc/dhcp/dhcpd.conf", dhcpdIncluded},
			Check: argv("/usr/sbin/dhcpd", "-t", "-q", "-cf", "/etc/dhcp/dhcpd.conf"),
		},
		{
			Name:  "dhcpd6.service",
			Reads: []string{"/etc/dhcp/dhcpd6.conf", dhcpdIncluded},
			Check: argv("/usr/sbin/dhcpd", "-6", "-t", "-q", "-cf", "/etc/dhcp/dhcpd6.conf"),
		},
		{
			Name:  "mariadb.service",
			Reads: []string{"/etc/my.cnf", "/etc/my.cnf.d/*"},
			// It refuses unknown options and opens no database.
			Check:    argv("/usr/libexec/mysqld", "--user=mysql", "--help", "--verbose"),
			Rehearse: mariadbRehearse(),
		},
		// Carried where a project declares the directory. Some settings want a restart.
		{Name: "postgresql.service", Reads: []string{postgresqlDir + "/*.conf", postgresqlDir + "/conf.d/*"}, Prepare: postgresqlData},
		{
			Name:  "redis.service",
			Reads: []string{"/etc/redis.conf", "/etc/redis/*"},
			// With none of the data that the one that runs has.
			Rehearse: &engine.Rehearse{
				// EL 9 has its file in /etc/redis.
				Argv: []string{
					"/bin/sh", "-c", `f=/etc/redis.conf; [ -e $f ] || f=/etc/redis/redis.conf; exec /usr/bin/redis-server $f "$@"`, "sh",
					"--daemonize", "no", "--supervised", "no", "--dbfilename", "hikae-rehearsal.rdb", "--appendonly", "no",
				},
				User:  "redis",
				State: []string{"/var/lib/redis"},
			},
		},
		{
			Name:   "firewalld.service",
			Reads:  []string{"/etc/firewalld/**"},
			Check:  argv("/usr/bin/firewall-offline-cmd", "--check-config"),
			Reload: true,
			Ready:  []string{"/usr/bin/firewall-cmd", "--state"}, // it answers nobody while it reloads
			Login:  true,
		},
		{
			Name:     "sshd.service",
			Reads:    []string{"/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*", "/etc/sysconfig/sshd"},
			Check:    argv("/usr/sbin/sshd", "-t"),
			Rehearse: &engine.Rehearse{Argv: []string{"/usr/sbin/sshd", "-D", "-e", "$OPTIONS", "$CRYPTO_POLICY"}},
			Reload:   true,
			Login:    true,
		},
		{
			Name:  "chronyd.service",
			Reads: []string{"/etc/chrony.conf", "/etc/chrony.keys"},
			Check: argv("/usr/sbin/chronyd", "-p", "-f", "/etc/chrony.conf"),
		},
		// atd sleeps until the next job that it knows; at itself wakes it by a signal.
		{Name: "atd.service", Reads: []string{"/var/spool/at/*"}},
		{
			Name:  "rsyslog.service",
			Reads: []string{"/etc/rsyslog.conf", "/etc/rsyslog.d/*"},
			Check: argv("/usr/sbin/rsyslogd", "-N1"),
		},
		{Name: "postgrey.service", Reads: []string{"/etc/postfix/postgrey_*", "/etc/sysconfig/postgrey"}},
		{Name: "spamassassin.service", Reads: []string{"/etc/mail/spamassassin/**", "/etc/sysconfig/spamassassin"}},
		{Name: "nftables.service", Reads: []string{"/etc/nftables/**", "/etc/sysconfig/nftables.conf"}, Check: nftables, Reload: true, Login: true},
		{Name: "iptables.service", Reads: []string{"/etc/sysconfig/iptables{,-config}"}, Reload: true, Login: true},
		{Name: "ip6tables.service", Reads: []string{"/etc/sysconfig/ip6tables{,-config}"}, Reload: true, Login: true},
		{Name: "sssd.service", Reads: []string{"/etc/sssd/**"}, Login: true},
		sudo(), login(),
	}
}

// mariadbRehearse starts the server on its own directory, but without InnoDB,
// whose files may be larger than memory: what accounts are kept in is Aria's. It
// replicates nothing and runs no event.
func mariadbRehearse() *engine.Rehearse {
	return &engine.Rehearse{
		Argv: []string{
			"/usr/libexec/mysqld", "--basedir=/usr", "$MYSQLD_OPTS",
			"--skip-innodb", "--default-storage-engine=Aria", "--default-tmp-storage-engine=Aria",
			"--skip-slave-start", "--event-scheduler=DISABLED",
		},
		User:  "mysql",
		State: []string{"/var/lib/mysql"},
	}
}

// sudo by which a controller becomes root.
func sudo() engine.Unit {
	return engine.Unit{
		Name: "sudo", Login: true,
		Reads: []string{"/etc/sudoers", "/etc/sudoers.d/**", "/etc/sudo.conf", "/etc/sudo-ldap.conf"},
		Check: argv("/usr/sbin/visudo", "-c", "-q"), // of /etc/sudoers and what it includes
	}
}

// login is what sshd, sudo and a login shell read each time that somebody
// comes: PAM, the name services, what libraries programs are loaded with.
func login() engine.Unit {
	return engine.Unit{
		Name: "login", Login: true,
		Reads: []string{
			"/etc/pam.d/**", "/etc/security/**", "/etc/authselect/**", "/etc/nsswitch.conf", "/etc/login.defs", "/etc/shells",
			"/etc/hosts.{allow,deny}", "/etc/krb5.conf", "/etc/krb5.conf.d/**", "/etc/crypto-policies/**",
			"/etc/ld.so.{preload,conf}", "/etc/ld.so.conf.d/**",
			"/etc/environment", "/etc/profile", "/etc/profile.d/**", "/etc/bashrc", "/etc/zshenv", "/root/.bash{rc,_profile}",
		},
	}
}

// nftables checks the rules that its unit loads, and loads none.
func nftables(hosts.Reader, []string) [][]string {
	return [][]string{{"/usr/sbin/nft", "-c", "-f", "/etc/sysconfig/nftables.conf"}}
}

// argv is a check by one program, whatever changed.
func argv(words ...string) func(hosts.Reader, []string) [][]string {
	return func(hosts.Reader, []string) [][]string { return [][]string{words} }
}

// dhcpdIncluded is what either server may include: all in its directory and
// below but the two servers' own files and the clients'.
const dhcpdIncluded = "/etc/dhcp/{[!d]*,d[!h]*,*/**}"

// postfixCheck has main.cf and master.cf parsed, and the parameters evaluated
// by a program that does nothing else with them. "postfix check" would make
// directories.
func postfixCheck(hosts.Reader, []string) [][]string {
	return [][]string{{"/usr/sbin/postconf"}, {"/usr/sbin/postconf", "-M"}, {"/usr/sbin/postmap", "-q", "x", "static:y"}}
}

// tlsFiles is where EL keeps the certificates and keys that servers share.
const tlsFiles = "/etc/pki/tls/{certs,private}/**"
