package rules

import (
	"errors"
	"fmt"
	"strings"
)

// KeepRule is keys of files that stay as the host has them.
type KeepRule struct {
	Pattern string   // of paths
	Keys    []string // as lens.File.Find takes them: "mysqld.server_id"
	// Grammar is the one that such files are read by; "" for that of the lens
	// whose files they are, or WordGrammar.
	Grammar string
	Why     string
	Example string // a file that holds each of the keys; "" in a user's rule
}

// WordGrammar is the grammar of files that no lens reads: a line is words parted
// by blanks, a comment begins with #.
const WordGrammar = "words"

// KeepList is a table of keys and what they are.
type KeepList struct {
	Name, Doc string
	Rules     []KeepRule
}

// KeepLists are the built-in tables of keys. The caller owns what it gets.
func KeepLists() []KeepList { return []KeepList{ownAddresses(), ownSizes(), ownIdentity()} }

// KeepWith are the built-in rules and those of a user: "PATTERN#KEY".
func KeepWith(declared []string) ([]KeepRule, error) {
	var all []KeepRule
	for _, d := range declared { // the first that matches gives the reason
		r, err := ParseKeep(d)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	for _, l := range KeepLists() {
		all = append(all, l.Rules...)
	}
	return all, nil
}

// ParseKeep reads "/etc/my.cnf.d/*#mysqld.server_id".
func ParseKeep(s string) (KeepRule, error) {
	pattern, key, ok := strings.Cut(s, "#")
	if !ok || !strings.HasPrefix(pattern, "/") || key == "" {
		return KeepRule{}, errors.New("what is kept is PATH#KEY, as in /etc/my.cnf.d/*#mysqld.server_id")
	}
	if err := Validate(pattern); err != nil {
		return KeepRule{}, fmt.Errorf("the pattern of %q: %w", s, err)
	}
	return KeepRule{Pattern: pattern, Keys: []string{key}, Why: "declared the host's own"}, nil
}

// Patterns of the files.
const (
	httpdFiles    = "/etc/httpd/{conf,conf.d,conf.modules.d}/**"
	mariadbFiles  = "/etc/{my.cnf,my.cnf.d/**}"
	phpPools      = "/etc/{php-fpm.conf,php-fpm.d/*}"
	namedFiles    = "/etc/{named.conf,named/**}"
	postgresFiles = "/{etc,var/lib}/{postgresql,pgsql}/**/postgresql.conf"
	redisFiles    = "/etc/{redis,redis/redis}.conf"
)

func ownAddresses() KeepList {
	return KeepList{
		Name: "Keys inside files: addresses",
		Doc:  "Where a daemon of this host listens and what it speaks from. An address that the host does not have keeps the daemon from starting.",
		Rules: []KeepRule{
			{"/etc/ssh/{sshd_config,sshd_config.d/*}", []string{"ListenAddress"}, WordGrammar,
				"the addresses that sshd answers on: another host's would lock everybody out", "ListenAddress 192.0.2.1\n"},
			{httpdFiles, []string{"Listen", "*.Listen"}, "httpd",
				"the addresses and ports that httpd binds", "Listen 192.0.2.1:80\n"},
			{httpdFiles, []string{"VirtualHost", "*.VirtualHost"}, "httpd",
				"the addresses that a virtual host is asked at", "<VirtualHost 192.0.2.1:80>\nServerName www.example.com\n</VirtualHost>\n"},
			{namedFiles, nested([]string{"listen-on", "listen-on-v6"}, "options"), "named",
				"the addresses that named binds", "options { listen-on { 192.0.2.1; }; listen-on-v6 { none; }; };\n"},
			{namedFiles, nested([]string{"query-source", "query-source-v6", "transfer-source", "transfer-source-v6", "notify-source", "notify-source-v6", "parental-source", "parental-source-v6"},
				"options", "view", "zone", "view.zone"), "named",
				"the address that named asks from: it must be one of this host's", "options { query-source address 192.0.2.1; };\n"},
			{namedFiles, nested([]string{"also-notify"}, "options", "view", "zone", "view.zone"), "named",
				"whom this server tells of changes: on the other host that may be itself", "options { also-notify { 192.0.2.2; }; };\n"},
			{"/etc/postfix/main.cf", []string{
				"myhostname", "inet_interfaces", "proxy_interfaces", "mynetworks",
				"smtp_bind_address", "smtp_bind_address6", "lmtp_bind_address", "lmtp_bind_address6", "smtp_helo_name",
			}, "postfix-main",
				"the name this host greets with, and the addresses it mails from and trusts", "myhostname = mail.example.com\ninet_interfaces = all\n"},
			{"/etc/dovecot/{dovecot.conf,local.conf,conf.d/*}", []string{"listen", "login_source_ips", "service.inet_listener.address"}, "dovecot",
				"the addresses that dovecot binds and speaks from", "listen = 192.0.2.1\n"},
			{"/etc/dhcp/{dhcpd,dhcpd6}.conf", []string{"server-identifier", "server-duid", "local-address", "local-address6"}, "dhcpd",
				"the address and the name by which clients know this server", "server-identifier 192.0.2.1;\n"},
			{redisFiles, []string{"bind", "bind-source-addr", "replica-announce-ip", "replica-announce-port"}, "redis",
				"the addresses that redis binds and goes by", "bind 192.0.2.1\n"},
			{mariadbFiles, servers("bind_address"), "my-cnf",
				"the address that MariaDB binds", "[mysqld]\nbind_address = 192.0.2.1\n"},
			{postgresFiles, []string{"listen_addresses"}, "postgresql",
				"the addresses that PostgreSQL binds", "listen_addresses = '192.0.2.1'\n"},
			{"/etc/firewalld/zones/*.xml", []string{"zone.interface"}, "firewalld",
				"the interfaces of this host that are bound to the zone", "<zone>\n  <interface name=\"eth0\"/>\n</zone>\n"},
			{"/etc/cockpit/cockpit.conf", []string{"WebService.Origins"}, "systemd",
				"the names under which browsers reach this host's cockpit", "[WebService]\nOrigins = https://rio1.example.com\n"},
		},
	}
}

func ownSizes() KeepList {
	return KeepList{
		Name: "Keys inside files: sizes",
		Doc:  "How much of this host's memory and processors a daemon takes.",
		Rules: []KeepRule{
			{mariadbFiles, servers("innodb_buffer_pool_size", "large_pages"), "my-cnf",
				"a share of this host's memory", "[mysqld]\ninnodb_buffer_pool_size = 8G\n"},
			{postgresFiles, []string{"shared_buffers", "huge_pages"}, "postgresql",
				"a share of this host's memory", "shared_buffers = 4GB\nhuge_pages = on\n"},
			{redisFiles, []string{"maxmemory"}, "redis",
				"a share of this host's memory", "maxmemory 2gb\n"},
			{phpPools, nested([]string{"pm", "pm.max_children", "pm.start_servers", "pm.min_spare_servers", "pm.max_spare_servers", "pm.max_spawn_rate", "pm.process_idle_timeout", "pm.max_requests"}, "*"), "php-fpm",
				"how many processes this host has the memory for", "[www]\npm = dynamic\npm.max_children = 50\n"},
			{httpdFiles, []string{"MaxRequestWorkers", "ServerLimit", "*.MaxRequestWorkers", "*.ServerLimit"}, "httpd",
				"how many workers this host has the memory for", "<IfModule mpm_event_module>\n  MaxRequestWorkers 400\n</IfModule>\nServerLimit 16\n"},
			{"/etc/{sysctl.conf,sysctl.d/*}", []string{"vm.nr_hugepages", "vm.nr_overcommit_hugepages"}, "sysctl",
				"memory that this host puts aside", "vm.nr_hugepages = 512\n"},
		},
	}
}

func ownIdentity() KeepList {
	return KeepList{
		Name: "Keys inside files: who the host is in a replication",
		Doc:  "Two servers with one identity throw each other out.",
		Rules: []KeepRule{
			{mariadbFiles, servers("server_id", "report_host"), "my-cnf",
				"names this server to its primary and replicas", "[mysqld]\nserver_id = 1\nreport_host = rio1\n"},
			{redisFiles, []string{"replicaof", "slaveof"}, "redis",
				"whose replica this server is", "replicaof 192.0.2.1 6379\n"},
			{postgresFiles, []string{"primary_conninfo", "cluster_name"}, "postgresql",
				"whose standby this server is, and by which name", "primary_conninfo = 'host=192.0.2.1'\n"},
		},
	}
}

// nested are keys within each of some blocks.
func nested(keys []string, in ...string) []string {
	var out []string
	for _, block := range in {
		for _, k := range keys {
			out = append(out, block+"."+k)
		}
	}
	return out
}

// servers are keys in each section that MariaDB's server reads.
func servers(keys ...string) []string {
	return nested(keys, "mysqld", "server", "mariadb", "mariadbd", "galera")
}
