package rules

// secretLists are the names that decide what is sealed; see Secret.
func secretLists() []List { return []List{secretByName(), harmless()} }

func secretByName() List {
	return List{
		Name: "Sealed by name",
		Doc:  "Secrets whatever their bytes look like, stored encrypted and never shown.",
		Rules: []Rule{
			{"/etc/{shadow,gshadow}{,-}", "password hashes", "/etc/shadow", "/etc/shadow.d"},
			{"/etc/security/opasswd", "hashes of former passwords", "/etc/security/opasswd", "/etc/security/limits.conf"},
			{"/etc/{pki,ssl}/**/private/**", "private keys", "/etc/pki/tls/private/www.pem", "/etc/pki/tls/certs/www.pem"},
			{"/**/*.{key,p12,pfx,jks,keystore,keytab,kdb,kdbx,gpg-secret}", "a key, or a store of keys", "/etc/httpd/www.key", "/etc/httpd/www.crt"},
			{"/**/{privkey*.pem,*-key.pem,*_key.pem,key.pem}", "a private key", "/etc/letsencrypt/archive/rio.st/privkey1.pem", "/etc/letsencrypt/archive/rio.st/cert1.pem"},
			{"/etc/letsencrypt/accounts/**", "the account's key", "/etc/letsencrypt/accounts/acme/private_key.json", "/etc/letsencrypt/cli.ini"},
			{"/etc/postfix/**/{*sasl*passw*,*passwd*,*secret*}", "passwords for other mail servers", "/etc/postfix/sasl_passwd", "/etc/postfix/sasl.conf"},
			{"/etc/dovecot/{users,passwd,*.passwd,passwd.*,master-users,dovecot-*sql*.conf.ext,dovecot-ldap*.conf.ext}", "people's passwords, or the password of the database that holds them", "/etc/dovecot/users", "/etc/dovecot/dovecot.conf"},
			{"/etc/{sasldb2,sasl2/sasldb2}", "SASL's passwords", "/etc/sasldb2", "/etc/sasl2/smtpd.conf"},
			{"/**/{.htpasswd*,htpasswd*,.htdigest*,htdigest*}", "people's password hashes", "/var/www/private/.htpasswd", "/var/www/private/.htaccess"},
			{"/etc/rndc.key", "a key that controls named", "/etc/rndc.key", "/etc/rndc.conf"},
			{"/etc/{named,bind,dhcp}/**/{*tsig*,*.secret,*ddns*key*,*.private}", "keys for transfers and updates of zones", "/etc/named/tsig.conf", "/etc/named/zones.conf"},
			{"/**/K*.+*+*.private", "a private key of DNSSEC or TSIG", "/var/named/Khome.+008+12345.private", "/var/named/Khome.+008+12345.key"},
			{"/**/{.pgpass,.my.cnf,.mylogin.cnf,.netrc,.fetchmailrc,.getmail/getmailrc,.msmtprc,.mbsyncrc,.offlineimaprc,.git-credentials,.s3cfg,.rclone.conf,.smbcredentials}", "a person's passwords for other services", "/root/.my.cnf", "/root/.bashrc"},
			{"/**/{.aws,.azure,.kube,.docker,.config/gcloud,.config/rclone,.password-store}/**", "a person's credentials for other services", "/root/.azure/accessTokens.json", "/root/.azure"},
			{"/**/.ssh/id_*", "a person's keys", "/home/ann/.ssh/id_ed25519", "/home/ann/.ssh/config"},
			{"/**/.gnupg/{private-keys-v1.d/**,secring.gpg}", "a person's private keys", "/root/.gnupg/private-keys-v1.d/x.key", "/root/.gnupg/pubring.gpg"},
			{"/etc/{fetchmailrc,msmtprc,getmailrc,mbsyncrc,imapsync.conf,ddclient.conf,inadyn.conf}", "passwords for other services", "/etc/fetchmailrc", "/etc/fetchmail.conf"},
			{"/etc/imapsync{,.d}/**", "passwords for other mail servers", "/etc/imapsync/ann.pass", "/etc/imapsync"},
			{"/etc/ppp/{chap,pap}-secrets", "passwords of dial-up lines", "/etc/ppp/chap-secrets", "/etc/ppp/options"},
			{"/etc/{ipsec.secrets,ipsec.d/*.secrets,swanctl/private/**,strongswan/**/*.secrets}", "keys of tunnels", "/etc/ipsec.secrets", "/etc/ipsec.conf"},
			{"/etc/wireguard/**", "private keys of tunnels", "/etc/wireguard/wg0.conf", "/etc/wireguard"},
			{"/etc/openvpn/**/{*.secret,*auth*,*.tlsauth,ta.key}", "keys and passwords of tunnels", "/etc/openvpn/client/auth.txt", "/etc/openvpn/server/server.conf"},
			{"/etc/samba/{smbpasswd,*credentials*,secrets.tdb}", "people's passwords", "/etc/samba/smbpasswd", "/etc/samba/smb.conf"},
			{"/var/lib/samba/private/**", "people's passwords", "/var/lib/samba/private/passdb.tdb", "/var/lib/samba/private"},
			{"/etc/{chrony.keys,ntp/keys}", "keys that clocks trust one another by", "/etc/chrony.keys", "/etc/chrony.conf"},
			{"/etc/{sssd/sssd.conf,sssd/conf.d/*.conf,nslcd.conf,pam_ldap.secret,ldap.secret,libnss-ldap.conf}", "the password of the directory", "/etc/sssd/sssd.conf", "/etc/nsswitch.conf"},
			{"/etc/wpa_supplicant/*.conf", "passwords of wireless networks", "/etc/wpa_supplicant/wpa_supplicant.conf", "/etc/wpa_supplicant"},
			{"/etc/**/{*credential*,*passphrase*,*.passwd,*.pass,*.password,*.secret,*.secrets,*.token}", "its name says so", "/etc/azure/credentials.json", "/etc/azure/azcopy.conf"},
			{"/etc/grub.d/01_users", "the boot loader's password", "/etc/grub.d/01_users", "/etc/grub.d/40_custom"},
			{"/etc/{redis,redis/redis,opt/remi/*/redis}{-acl,.acl,/users.acl}", "redis's passwords", "/etc/redis/users.acl", "/etc/redis/redis.conf"},
			{"/etc/{opendkim,dkimkeys,rspamd/dkim}/**/*.private", "keys that sign mail", "/etc/opendkim/keys/mail.private", "/etc/opendkim/keys/mail.txt"},
		},
	}
}

func harmless() List {
	return List{
		Name: "Not sealed by name or mode",
		Doc:  "Looks like a secret by its name or its mode and is none, unless its bytes give one away.",
		Rules: []Rule{
			{"/**/*.pub", "a public key", "/home/ann/.ssh/id_rsa.pub", "/home/ann/.ssh/id_rsa"},
			{"/**/.ssh/{authorized_keys*,known_hosts*,config}", "public keys, and whom they know", "/home/ann/.ssh/authorized_keys", "/home/ann/.ssh/id_rsa"},
			{"/**/{.procmailrc,.forward,.spamassassin/user_prefs,.bashrc,.bash_profile,.profile,.vimrc}", "a person's settings", "/home/ann/.procmailrc", "/home/ann/.fetchmailrc"},
			{"/**/K*.+*+*.key", "a public key of DNSSEC", "/var/named/Khome.+008+12345.key", "/var/named/Khome.+008+12345.private"},
			{"/etc/{trusted-key.key,named.root.key,named.iscdlv.key,unbound/root.key}", "public keys of the DNS root", "/etc/named.root.key", "/etc/named.key"},
			{"/etc/pki/rpm-gpg/**", "public keys that packages are signed with", "/etc/pki/rpm-gpg/RPM-GPG-KEY-remi", "/etc/pki/rpm-gpg"},
			{"/etc/ssh/{sshd_config,ssh_config}{,.d/**}", "sshd's settings, readable by root only", "/etc/ssh/sshd_config", "/etc/ssh/ssh_host_rsa_key"},
			{"/etc/{sudoers,sudo.conf,sudoers.d/**}", "who may do what", "/etc/sudoers.d/web", "/etc/sudoers-ldap"},
			{"/etc/{crontab,anacrontab,cron.deny,cron.allow,at.deny,at.allow}", "jobs, and who may have them", "/etc/anacrontab", "/etc/cronpass"},
			{"/etc/cron.{d,hourly,daily,weekly,monthly}/**", "jobs", "/etc/cron.d/raid-check", "/etc/cron.d"},
			{"/var/spool/{cron,at}/**", "people's jobs", "/var/spool/cron/ann", "/var/spool/cron"},
			{"/etc/{securetty,hosts.allow,hosts.deny,login.defs,libuser.conf,nologin,motd}", "settings of the system", "/etc/securetty", "/etc/secure"},
			{"/etc/default/{useradd,nss}", "settings of the system", "/etc/default/useradd", "/etc/default/user"},
			{"/etc/security/{*.conf,limits.d/**,namespace.init}", "settings of PAM", "/etc/security/pwquality.conf", "/etc/security/opasswd"},
			{"/etc/audit/**", "settings of auditd", "/etc/audit/rules.d/audit.rules", "/etc/audit"},
			{"/etc/{firewalld,nftables,audisp,selinux,polkit-1,tuned}/**", "settings, readable by root only", "/etc/firewalld/zones/drop.xml", "/etc/firewalld"},
			{"/var/lib/pgsql/{data,*/data}/{postgresql,pg_hba,pg_ident}.conf", "settings of PostgreSQL, readable by its user only", "/var/lib/pgsql/data/pg_hba.conf", "/var/lib/pgsql/data/server.key"},
			{"/etc/sysconfig/{iptables,ip6tables,ebtables,nftables,arptables}{,-config,.conf}", "firewall rules", "/etc/sysconfig/ip6tables-config", "/etc/sysconfig/sshd"},
			{"/etc/sysconfig/{sshd,crond,atd,named,httpd,rsyslog,chronyd}", "how a daemon is started", "/etc/sysconfig/sshd", "/etc/sysconfig/vpn"},
			{"/etc/{rsyslog,logrotate,chrony,sysctl,dnsmasq,vsftpd}.conf", "settings", "/etc/rsyslog.conf", "/etc/ddclient.conf"},
			{"/etc/{rsyslog,logrotate,sysctl}.d/**", "settings", "/etc/rsyslog.d/mail.conf", "/etc/rsyslog.d"},
			{"/etc/{.updated,.pwd.lock,subuid,subgid}{,-}", "no more than ids and times", "/etc/subuid-", "/etc/shadow-"},
			{"/etc/cups/{*.conf,ppd/**}", "printers", "/etc/cups/cupsd.conf", "/etc/cups/passwd.md5"},
		},
	}
}
