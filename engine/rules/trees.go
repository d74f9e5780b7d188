package rules

// treeLists are about the trees beyond /etc: people's jobs, and those that the
// user declares.
func treeLists() []List { return []List{throwaway(), liveWritten()} }

func throwaway() List {
	return List{
		Name: "Trees: throwaway",
		Doc:  "In the trees beyond /etc, people's jobs and what a project declares: not worth carrying.",
		Rules: []Rule{
			{"/var/log/**", "logs of this host", "/var/log/httpd/access_log", "/var/logs/x"},
			{"/var/{cache,tmp}/**", "made again when it is missed", "/var/cache/dnf/x", "/var/caches"},
			{"/{tmp,run,var/run,proc,sys,dev}/**", "gone at the next boot", "/run/httpd/httpd.pid", "/srv/run"},
			{"/var/named/chroot/**", "mounted there by named-chroot-setup from where it really lies", "/var/named/chroot/etc/named.conf", "/var/named/chroot"},
			{"/var/named/data/**", "statistics and dumps of a running named", "/var/named/data/named_stats.txt", "/var/named/rio.example.zone"},
			{"/**/lost+found{,/**}", "what fsck found", "/srv/data/lost+found/#12", "/srv/lost"},
			{"/var/{lib/php,opt/remi/*/lib/php}/{session,opcache,wsdlcache}/**", "php's sessions and caches", "/var/opt/remi/php74/lib/php/session/sess_1", "/var/lib/php/modules/x"},
			{"/**/{.cache,.thumbnails}/**", "made again when it is missed", "/home/ann/.cache/mesa/x", "/home/ann/cache/x"},
			{"/**/.procmail.log", "procmail's log of deliveries", "/home/ann/.procmail.log", "/home/ann/.procmailrc"},
			{"/**/*.part", "a download or upload under way", "/var/www/up/film.mkv.part", "/var/www/up/part"},
			{"/**/{owncloud,nextcloud}.log", "an application's log", "/var/www/owncloud/data/owncloud.log", "/var/www/owncloud/data/log"},
			{"/**/wp-content/{cache,upgrade}/**", "WordPress's caches and half-done upgrades", "/var/www/blog/wp-content/cache/x.html", "/var/www/blog/wp-content/uploads/x.jpg"},
			{"/**/appdata_*/preview/**", "thumbnails that the application makes again", "/srv/cloud/data/appdata_oc1/preview/1/x.png", "/srv/cloud/data/appdata_oc1/avatar/x.png"},
			{"/var/spool/at/{.SEQ,.lockfile}", "at's own count of jobs", "/var/spool/at/.SEQ", "/var/spool/at/a00001019b1f2c"},
			{"/var/spool/at/=*", "a job that atd is doing", "/var/spool/at/=00001019b1f2c", "/var/spool/at/a00001019b1f2c"},
			{"/var/spool/at/spool/**", "what a running job has said so far", "/var/spool/at/spool/a00001019b1f2c", "/var/spool/at/spool"},
			{"/var/spool/cron/{#*,tmp.*,*~}", "a crontab that is being edited", "/var/spool/cron/#tmp.rio1.XXXXa1b2c3", "/var/spool/cron/ann"},
			{"/**/.rsync-{tmp,partial}/**", "a copy under way", "/srv/.rsync-tmp/x", "/srv/rsync-tmp/x"},
		},
	}
}

func liveWritten() List {
	return List{
		Name: "Trees: written while they are read",
		Doc:  "In the trees that a project declares: copied by their own tools, never raw.",
		Rules: []Rule{
			{"/var/lib/{mysql,mariadb}/**", "a database: a raw copy of a running one is torn", "/var/lib/mysql/ibdata1", "/var/lib/mysqld"},
			{"/var/lib/pgsql/{data,*/data}/{PG_VERSION,base,global,pg_{clog,commit_ts,dynshmem,logical,multixact,notify,replslot,serial,snapshots,stat,stat_tmp,subtrans,tblspc,twophase,wal,xact,xlog}}{,/**}", "a database: a raw copy of a running one is torn", "/var/lib/pgsql/data/base/1/2619", "/var/lib/pgsql/data/pg_hba.conf"},
			{"/var/lib/pgsql/{data,*/data}/{postgresql.auto.conf,*.signal,recovery.conf,log,pg_log,current_logfiles,postmaster.*,backup_*}{,/**}", "what the server of this host wrote for itself", "/var/lib/pgsql/data/postgresql.auto.conf", "/var/lib/pgsql/data/postgresql.conf"},
			{"/var/lib/pgsql/{backups,*/backups}{,/**}", "copies of databases", "/var/lib/pgsql/backups/x.dump", "/var/lib/pgsql/data/backups.conf"},
			{"/var/opt/**/{mysql,pgsql}/**", "a database: a raw copy of a running one is torn", "/var/opt/rh/x/lib/pgsql/data/base/1", "/var/opt/pgsqlx/1"},
			{"/var/lib/redis/**", "redis's dump, which redis replicates itself", "/var/lib/redis/dump.rdb", "/var/lib/redis"},
			{"/var/named/**/{managed-keys.bind,*.mkeys}", "trust anchors as this host's named has seen them, which it writes as it runs (RFC 5011)", "/var/named/dynamic/managed-keys.bind", "/var/named/named.ca"},
			{"/var/named/**/*.jnl", "named's journal of what it writes: worth nothing without the zone of that moment", "/var/named/dynamic/managed-keys.bind.jnl", "/var/named/internal/jnl"},
			{"/**/*{-wal,-shm,-journal}", "belongs to an sqlite database in use", "/srv/app/data.db-wal", "/srv/app/journal"},
			{"/**/*.{sqlite,sqlite3,db-wal}", "an sqlite database: copied by its own backup", "/srv/app/data.sqlite", "/srv/app/sqlite"},
			{"/var/lib/plexmediaserver/**/Databases/**", "Plex's databases", "/var/lib/plexmediaserver/Library/Plug-in Support/Databases/com.plexapp.db", "/var/lib/plexmediaserver/Library/Media/x"},
			{"/**/{Maildir,.maildir}/{tmp,*/tmp}/**", "mail that is being delivered", "/home/ann/Maildir/.Sent/tmp/1.M2", "/home/ann/Maildir/new/1.M2"},
			{"/**/dovecot.{index,list.index}*", "dovecot's indexes, made again", "/home/ann/Maildir/dovecot.index.cache", "/home/ann/Maildir/dovecot-uidlist"},
			{"/**/*.lock", "a lock", "/home/ann/.procmail.lock", "/home/ann/lock"},
			{"/**/.spamassassin/bayes_*", "the spam filter's memory: copied by sa-learn --backup", "/home/ann/.spamassassin/bayes_toks", "/home/ann/.spamassassin/user_prefs"},
			{"/var/{lib,spool/postfix}/postgrey/**", "postgrey's database", "/var/spool/postfix/postgrey/postgrey.db", "/var/lib/postgreyx"},
			{"/var/spool/{postfix,mqueue,clientmqueue}/**", "the mail queue: a copied message is delivered twice", "/var/spool/postfix/deferred/A/A1", "/var/spool/postfixes"},
		},
	}
}
