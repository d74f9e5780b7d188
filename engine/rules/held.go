package rules

// heldLists are about what does not run on a standby: what would be done twice,
// or done by the wrong host.
func heldLists() []List { return []List{held(), safe(), heldJobs(), packagedJobs()} }

func held() List {
	return List{
		Name: "Held on a standby: units",
		Doc:  "Neither started nor enabled on a standby until it is promoted.",
		Rules: []Rule{
			{"{dhcpd,dhcpd6,dhcrelay,isc-dhcp-server,isc-dhcp-server6}{,@*}.service", "two DHCP servers on one network hand out the same addresses", "dhcpd6.service", "dhclient.service"},
			{"kea-*.service", "two DHCP servers on one network hand out the same addresses", "kea-dhcp4.service", "keama.service"},
			{"radvd.service", "announces this host as the router", "radvd.service", "radiusd.service"},
			{"{fetchmail,getmail,mbsync,isync,offlineimap,imapsync}{,-*,@*}.{service,socket}", "fetches mail away from where the primary looks for it", "fetchmail.service", "postfix.service"},
			{"{certbot,acme,lego,dehydrated}{,-*,@*}.service", "a certificate is renewed by one host only", "certbot-renew.service", "certs.service"},
			{"certmonger.service", "a certificate is renewed by one host only", "certmonger.service", "certmaster.service"},
			{"{ddclient,inadyn,noip,noip2,duckdns,ez-ipupdate}{,@*}.service", "tells the world that the name is at this host", "ddclient.service", "dnsmasq.service"},
			{"{dyndns,ddns-*,nsupdate,cloudflare-ddns*,godaddy-ddns*}{,@*}.service", "tells the world that the name is at this host", "cloudflare-ddns.service", "named.service"},
			{"{mailman,mailman3,mailman3-*,sympa,sympa-*,mlmmj,listmonk,getmail-*,popfile}{,@*}.service", "mails people what the primary mails them already", "mailman3.service", "mailmand.service"},
			{"{dnf-automatic,dnf-automatic-install,dnf-automatic-download,yum-cron,packagekit-offline-update}.service", "changes packages that follow the primary's", "dnf-automatic-install.service", "dnf-makecache.service"},
			{"{lsyncd,csync2,unison,syncthing}{,@*}.{service,socket}", "pushes this host's older files over the primary's", "lsyncd.service", "rsyncd.service"},
			{"{keepalived,corosync,pacemaker}.service", "moves an address or a role by itself", "keepalived.service", "keepaliver.service"},
			{"*.timer", "timers do work that is the primary's: backups, mails, imports", "backup.timer", "backup.service"},
		},
	}
}

func safe() List {
	return List{
		Name: "Timers that are safe on a standby",
		Doc:  "They look after the host they run on and nothing else.",
		Rules: []Rule{
			{"logrotate.timer", "rotates the host's own logs", "logrotate.timer", "logrotate-web.timer"},
			{"systemd-tmpfiles-clean.timer", "cleans the host's own temporary files", "systemd-tmpfiles-clean.timer", "tmpfiles.timer"},
			{"fstrim.timer", "trims the host's own disks", "fstrim.timer", "fstrims.timer"},
			{"dnf-makecache.timer", "looks what the repositories have", "dnf-makecache.timer", "dnf-automatic.timer"},
			{"{chronyd,chrony-dnssrv@*,smartd}.timer", "looks after the host's own clock and disks", "chrony-dnssrv@pool.timer", "chrony.timer"},
			{"{raid-check,mdcheck_start,mdcheck_continue,mdmonitor-oneshot}.timer", "checks the host's own RAID", "raid-check.timer", "raid.timer"},
			{"{xfs_scrub_all,e2scrub_all,btrfs-scrub@*,btrfs-balance,zfs-scrub-*}.timer", "checks the host's own file systems", "xfs_scrub_all.timer", "scrub.timer"},
			{"{unbound-anchor,sa-update,clamav-freshclam,spamassassin-maintenance}.timer", "fetches public data that each host keeps fresh", "unbound-anchor.timer", "unbound.timer"},
			{"{mlocate-updatedb,plocate-updatedb,updatedb,man-db,man-db-cache-update}.timer", "indexes the host's own files", "mlocate-updatedb.timer", "locate.timer"},
			{"sysstat-{collect,summary,rotate}.timer", "measures the host itself", "sysstat-collect.timer", "sysstat-mail.timer"},
			{"{pmlogger,pmie}_*.timer", "measures the host itself", "pmlogger_daily.timer", "pmlogger.timer"},
			{"{fwupd-refresh,dpkg-db-backup,apt-daily,apt-daily-upgrade,phpsessionclean}.timer", "looks after the host's own packages", "dpkg-db-backup.timer", "db-backup.timer"},
			{"{grub-boot-success,systemd-readahead-done,snapper-*,lvm2-*,insights-client*}.timer", "looks after the host itself", "snapper-cleanup.timer", "snap.timer"},
		},
	}
}

func heldJobs() List {
	return List{
		Name: "Held on a standby: jobs",
		Doc:  "Not put in place on a standby until it is promoted, unless it is just what a package installed.",
		Rules: []Rule{
			{"/var/spool/cron/**", "people's crontabs", "/var/spool/cron/ann", "/var/spool/cron"},
			{"/etc/crontab", "jobs that were written into the system's crontab", "/etc/crontab", "/etc/crontabs"},
			{"/etc/anacrontab", "jobs that were written into anacron's table", "/etc/anacrontab", "/etc/anacron"},
			{"/etc/cron.d/**", "jobs of this host's administrator", "/etc/cron.d/backup", "/etc/cron.deny"},
			{"/etc/cron.{hourly,daily,weekly,monthly,yearly}/**", "jobs of this host's administrator", "/etc/cron.daily/backup", "/etc/cron.allow"},
			{"/var/spool/{at,atjobs}/**", "at jobs", "/var/spool/at/a00001019b1f2c", "/var/spool/atx"},
			{"/var/lib/systemd/linger/**", "lets a person's own units and timers start at boot", "/var/lib/systemd/linger/ann", "/var/lib/systemd/timers/x"},
		},
	}
}

func packagedJobs() List {
	return List{
		Name: "Jobs that are safe on a standby",
		Doc:  "They look after the host they run on, even where they were edited.",
		Rules: []Rule{
			{"/etc/cron.d/{0hourly,raid-check,sysstat,sa-update,e2scrub_all,.placeholder}", "looks after the host itself", "/etc/cron.d/0hourly", "/etc/cron.d/1hourly"},
			{"/etc/cron.hourly/0anacron", "starts anacron", "/etc/cron.hourly/0anacron", "/etc/cron.hourly/1anacron"},
			{"/etc/cron.{daily,weekly}/{logrotate,mlocate,man-db.cron,man-db,tmpwatch,.placeholder}", "looks after the host itself", "/etc/cron.daily/logrotate", "/etc/cron.daily/logs"},
		},
	}
}
