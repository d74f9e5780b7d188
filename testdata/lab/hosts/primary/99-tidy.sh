# shellcheck shell=bash
# Nothing of the set-up itself stays. A last look that all is well.
rm -f /root/.bash_history /root/.wget-hsts
find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -exec rm -rf {} +
systemctl reset-failed
for unit in httpd php-fpm php74-php-fpm named-chroot postfix dovecot postgrey spamassassin mariadb postgresql redis \
  dhcpd dhcpd6 firewalld crond atd rsyslog plexmediaserver chronyd apcupsd rio-beacon; do
  systemctl is-active -q "$unit" || { echo "$unit is not running"; systemctl status --no-pager -l "$unit"; exit 1; }
done
