# shellcheck shell=bash
# mariadb behind the two php sites, postgresql with the spam senders, redis.
source ../common/functions.sh

lay etc/my.cnf.d
edit /etc/my.cnf.d/mariadb-server.cnf '/^\[mysqld\]/a\
skip-name-resolve\
bind-address=127.0.0.1'
systemctl enable -q --now mariadb
mysql <<'END'
CREATE DATABASE owncloud;
CREATE DATABASE wordpress;
CREATE USER owncloud@localhost IDENTIFIED BY 'kumo-no-naka-7';
CREATE USER wordpress@localhost IDENTIFIED BY 'nikki-o-kaku-8';
GRANT ALL ON owncloud.* TO owncloud@localhost;
GRANT ALL ON wordpress.* TO wordpress@localhost;
USE owncloud;
CREATE TABLE oc_filecache (path VARCHAR(200) PRIMARY KEY, size BIGINT NOT NULL);
INSERT INTO oc_filecache VALUES ('files/katei.ods', 20480), ('files/photo/haru.jpg', 3145728);
USE wordpress;
CREATE TABLE wp_posts (id INT PRIMARY KEY AUTO_INCREMENT, post_title VARCHAR(200) NOT NULL, post_content TEXT);
INSERT INTO wp_posts (post_title, post_content) VALUES
  ('サーバが逝った', '外付けHDDから復旧'), ('RHEL 8にした', '二台にした');
END
put /root/.my.cnf 600 <<'END'
[client]
user=root
END

postgresql-setup --initdb >/dev/null
cat >>/var/lib/pgsql/data/postgresql.conf <<'END'
# rio: the publisher of the spam table
wal_level = logical
max_replication_slots = 4
shared_buffers = 32MB
fsync = on
END
edit /var/lib/pgsql/data/pg_hba.conf '$a host    firewall        repl            10.98.0.12/32           md5'
systemctl enable -q --now postgresql
cd / # where postgres may be
runuser -u postgres -- psql -q -v ON_ERROR_STOP=1 <<'END'
CREATE ROLE repl LOGIN REPLICATION PASSWORD 'yuubin-10';
CREATE DATABASE firewall;
\c firewall
CREATE TABLE spam_senders (address inet PRIMARY KEY, seen timestamptz NOT NULL DEFAULT now(), reason text NOT NULL);
INSERT INTO spam_senders (address, reason)
  SELECT ('192.0.2.' || n)::inet, 'S25R' FROM generate_series(1, 60) n;
INSERT INTO spam_senders (address, reason) VALUES ('198.51.100.66', 'trap'), ('2001:db8:bad::/48', 'trap');
CREATE PUBLICATION spam FOR TABLE spam_senders;
GRANT SELECT ON spam_senders TO repl;
END
cd - >/dev/null || exit 1

conf=/etc/redis.conf; [ -f $conf ] || conf=/etc/redis/redis.conf
edit $conf 's/^# maxmemory <bytes>/maxmemory 32mb/' 's/^# maxmemory-policy .*/maxmemory-policy allkeys-lru/'
systemctl enable -q --now redis
