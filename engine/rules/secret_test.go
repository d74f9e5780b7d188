package rules

import (
	"strings"
	"testing"
)

func TestSecret(t *testing.T) {
	for _, c := range []struct {
		name string
		path string
		mode uint32
		head string
		want bool
	}{
		// by its bytes
		{"PEM key in an odd place", "/etc/httpd/conf.d/www.pem", 0o644, "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n", true},
		{"OpenSSH key", "/etc/backup/id", 0o644, "-----BEGIN OPENSSH PRIVATE KEY-----\n", true},
		{"age key", "/etc/x/keys.txt", 0o644, "# public\nAGE-SECRET-KEY-1QQ\n", true},
		{"tsig key in named.conf", "/etc/named.conf", 0o640, "key \"xfer\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0c2VjcmV0\";\n};\n", true},
		{"omapi key in dhcpd.conf", "/etc/dhcp/dhcpd.conf", 0o644, "key o { algorithm hmac-md5; secret c2VjcmV0c2VjcmV0; }\n", true},
		{"htpasswd elsewhere", "/etc/httpd/users", 0o644, "ann:$apr1$abcdefgh$abcdefghijklmnopqrstu1\n", true},
		{"dovecot passwd elsewhere", "/etc/dovecot/people", 0o644, "ann:{SHA512-CRYPT}$6$abc$defghijklm:1000:1000::/home/ann\n", true},
		{"dovecot plain", "/etc/dovecot/people", 0o644, "ann:{PLAIN}hunter22:1000\n", true},
		{"requirepass", "/etc/redis.conf", 0o640, "bind 127.0.0.1\nrequirepass hunter2\n", true},
		{"a user of redis", "/etc/redis.conf", 0o640, "user ann on +@all ~* >hunter2\n", true},
		{"ldapbindpasswd", "/var/lib/pgsql/data/pg_hba.conf", 0o600, "host all all all ldap ldapserver=x ldapbindpasswd=hunter2\n", true},
		{"rules of pg_hba.conf", "/var/lib/pgsql/data/pg_hba.conf", 0o600, "local all all peer\nhost all all ::1/128 password\n", false},
		{"my.cnf password", "/etc/my.cnf.d/client.cnf", 0o644, "[client]\npassword = hunter2\n", true},
		{"pgsql map", "/etc/postfix/pgsql-virtual.cf", 0o644, "user = mail\npassword = hunter2\n", true},
		{"php define", "/var/www/blog/wp-config.php", 0o644, "<?php\ndefine( 'DB_PASSWORD', 'hunter2' );\n", true},
		{"php array", "/var/www/cloud/config/config.php", 0o644, "  'dbpassword' => 'hunter2',\n", true},
		{"json", "/etc/app/app.json", 0o644, "{ \"user\": \"a\", \"password\": \"hunter2\" }\n", true},
		{"yaml", "/etc/app/app.yml", 0o644, "db:\n  password: hunter2\n", true},
		{"connection string", "/etc/app/app.conf", 0o644, "dsn = 'host=db user=a password=hunter2'\n", true},
		{"url", "/etc/app/app.conf", 0o644, "upstream = https://ann:hunter2@example.org/\n", true},
		{"shell variable", "/etc/sysconfig/azcopy", 0o644, "export AZCOPY_SPA_CLIENT_SECRET=hunter2\n", true},

		// by name
		{"sasl_passwd", "/etc/postfix/sasl_passwd", 0o644, "[smtp.example.org]:587 ann:hunter2\n", true},
		{"key file", "/etc/httpd/www.key", 0o644, "\x30\x82", true},
		{"below private", "/etc/pki/tls/private/ca/www.der", 0o644, "\x30\x82", true},
		{"pgpass", "/root/.pgpass", 0o644, "", true},

		// by mode
		{"only its owner reads it", "/etc/vendor/blob", 0o600, "\x00\x01", true},
		{"no one reads it", "/etc/vendor/blob", 0, "\x00\x01", true},
		{"its group reads it", "/etc/vendor/blob", 0o640, "\x00\x01", false},

		// and ordinary things
		{"named.conf", "/etc/named.conf", 0o640, "include \"/etc/rndc.key\";\ncontrols { inet ::1 keys { \"rndc-key\"; }; };\n", false},
		{"sshd_config", "/etc/ssh/sshd_config", 0o600, "PasswordAuthentication no\nAuthorizedKeysFile .ssh/authorized_keys\n", false},
		{"sshd_config with something odd", "/etc/ssh/sshd_config", 0o600, "-----BEGIN OPENSSH PRIVATE KEY-----\n", true},
		{"main.cf", "/etc/postfix/main.cf", 0o644, "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\nsmtpd_tls_key_file = /etc/pki/tls/private/mail.key\n", false},
		{"main.cf one map", "/etc/postfix/main.cf", 0o644, "smtpd_sasl_passwd = hash:/etc/postfix/sasl_passwd\n", false},
		{"nsswitch", "/etc/nsswitch.conf", 0o644, "passwd:     sss files systemd\nshadow: files\n", false},
		{"pam", "/etc/pam.d/system-auth", 0o644, "password    sufficient    pam_unix.so sha512 shadow use_authtok\n", false},
		{"smb.conf", "/etc/samba/smb.conf", 0o644, "unix password sync = yes\npasswd program = /usr/bin/passwd %u\nencrypt passwords = yes\n", false},
		{"commented", "/etc/redis.conf", 0o640, "# requirepass foobared\n; password = x\n", false},
		{"php.ini", "/etc/php.ini", 0o644, "mysqli.default_pw =\nsession.use_strict_mode = 0\nsodium.password = \"\"\n", false},
		{"dovecot", "/etc/dovecot/conf.d/auth-passwdfile.conf.ext", 0o644, "passdb {\n  driver = passwd-file\n  args = scheme=CRYPT username_format=%u /etc/dovecot/users\n}\n", false},
		{"postgresql", "/var/lib/pgsql/data/postgresql.conf", 0o640, "password_encryption = scram-sha-256\nssl_key_file = 'server.key'\n", false},
		{"certificate named key", "/etc/x/www.key", 0o644, "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n", false},
		{"dnssec root", "/etc/trusted-key.key", 0o644, ". 3600 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3\n", false},
		{"crontab", "/var/spool/cron/ann", 0o600, "0 3 * * * /home/ann/bin/backup\n", false},
		{"crontab with a password", "/var/spool/cron/ann", 0o600, "0 3 * * * mysqldump --password=hunter2 x\n", false},
		{"public key", "/root/.ssh/id_rsa.pub", 0o600, "ssh-rsa AAAA ann@rio1\n", false},
		{"variable", "/etc/app/env", 0o644, "PASSWORD=${VAULT_PASSWORD}\nPASSWORD_FILE=/run/secret\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Secret(c.path, c.mode, []byte(c.head)); got != c.want {
				t.Errorf("Secret = %v, want %v", got, c.want)
			}
		})
	}
}

func TestSecretLooksAtTheHeadOnly(t *testing.T) {
	big := strings.Repeat("x = 1\n", HeadSize/6+1) + "password = hunter2\n"
	if Secret("/etc/app.conf", 0o644, []byte(big)) {
		t.Error("looked beyond HeadSize")
	}
}

func FuzzSecret(f *testing.F) {
	f.Add("/etc/x", uint32(0o644), []byte("password = x\n"))
	f.Fuzz(func(_ *testing.T, path string, mode uint32, head []byte) {
		Secret(path, mode, head)
	})
}

func TestRedact(t *testing.T) {
	in := "starting\nmysqld: password=hunter2 refused\n# secret = hunter3x\nbind: cannot listen\n-----BEGIN PRIVATE KEY-----\nMIIhunter4\n-----END PRIVATE KEY-----\nended"
	got := Redact(in)
	if strings.Contains(got, "hunter") || strings.Contains(got, "MII") {
		t.Errorf("shows a secret:\n%s", got)
	}
	for _, keep := range []string{"starting", "bind: cannot listen", "ended"} {
		if !strings.Contains(got, keep) {
			t.Errorf("%q is gone:\n%s", keep, got)
		}
	}
}
