# shellcheck shell=bash
# What a copy by content alone would lose: labels, ACLs, capabilities, xattrs,
# links, odd modes and odd names.
source ../common/functions.sh

# Access lists
setfacl -m u:hanako:rw /etc/rio/common.env
setfacl -m g:photo:r /etc/rio/mailsync.conf
setfacl -m u:ken:rwx,d:u:ken:rwx,d:g:photo:rX /srv/photo/2021

# A capability that the package does not give: people of the house may capture
setcap cap_net_raw,cap_net_admin+ep "$(command -v tcpdump)"

# Somebody's own attributes
setfattr -n user.rio.origin -v 'https://example.net/blocklist' /etc/named/blocklist.zones
setfattr -n user.rio.album -v 'はる' /srv/photo/index.html

# Names
put '/etc/rio/name with space.conf' <<<'a = 1'
put '/etc/rio/覚え書き.txt' <<<'パスワードは金庫の中'
put $'/etc/rio/tab\there' <<<'a name with a tab'
put '/etc/rio/percent%20{x}.conf' <<<'b = "%{x}${y}"'
printf 'latin1 \xe9\xe8 and a NUL \0 here' | put /etc/rio/bytes.bin
printf 'no newline at the end' | put /etc/rio/no-newline
: | put /etc/rio/empty-file

# Links, directories, modes
ln -s ../rio/common.env /etc/sysconfig/rio
ln -s /nonexistent/target /etc/rio/dangling
ln -sfn /etc/rio /srv/rio-config
ln /etc/rio/ups-notify.sh /etc/rio/ups-notify-hard.sh
mkdir -p /etc/rio/empty.d /etc/rio/drop.d
chmod 1777 /etc/rio/drop.d
chmod 2750 /etc/rio/empty.d; chgrp family /etc/rio/empty.d
chown taro:family /etc/rio/ups-notify.sh
install -m 4750 -g family /etc/rio/boot.sh /etc/rio/restart-everything
chmod 600 /etc/crontab 2>/dev/null || true

# Every file has the label that the policy gives it, as on a host that enforces
# one; then those that differ: by intent (a file context of the house, a boolean)
# and by hand, without any rule.
# The module is of the sort that audit2allow writes after a denial.
put /root/rio_album.te <<'END'
module rio_album 1.0;
require { type httpd_t; type user_home_t; class file { getattr open read }; }
allow httpd_t user_home_t:file { getattr open read };
END
checkmodule -M -m -o /run/rio_album.mod /root/rio_album.te >/dev/null
semodule_package -o /run/rio_album.pp -m /run/rio_album.mod
rm /root/rio_album.te
semanage import <<'END' 2>&1 | grep -v sddm || true
boolean -m -1 httpd_can_network_connect
boolean -m -0 httpd_enable_cgi
port -m -t http_port_t -p tcp 8081
port -a -t http_cache_port_t -p tcp 8090-8099
fcontext -a -f a -t httpd_sys_content_t '/srv/(photo|files|sakura)(/.*)?'
fcontext -a -f d -t public_content_rw_t '/srv/photo/incoming'
fcontext -a -e /var/www /srv/www
module -a /run/rio_album.pp
END
semodule -l | grep -q '^rio_album'
semanage port -l -C | grep -q 8081
label_all
label() { setfattr -n security.selinux -v "system_u:object_r:$1:s0" "$2"; }
label httpd_sys_rw_content_t /var/www/owncloud/data
label net_conf_t /etc/rio/templates.txt
label named_zone_t /etc/named/blocklist.zones
label public_content_t /srv/files/pub/kobo.txt
