# shellcheck shell=bash
# Units, timers and scripts of the house, and the smaller edits of package files.
source ../common/functions.sh

lay etc/rio etc/systemd etc/cron.d etc/cron.daily etc/sysctl.d etc/logrotate.d etc/profile.d etc/tmpfiles.d \
  etc/rsyslog.d etc/dnf etc/sudoers.d etc/security
chmod 755 /etc/rio/*.sh /etc/cron.daily/rio-junk
chmod 440 /etc/sudoers.d/family
systemd-tmpfiles --create /etc/tmpfiles.d/rio.conf

update-crypto-policies --set LEGACY >/dev/null     # for the printer
alternatives --set mta /usr/sbin/sendmail.postfix  # so that no other package takes it over

edit /etc/ssh/sshd_config 's/^#?PermitRootLogin .*/PermitRootLogin prohibit-password/' 's/^#?MaxAuthTries .*/MaxAuthTries 4/'
edit /etc/chrony.conf 's/^(pool .*)/#\1/' '$a server gw.rio.example iburst\
allow 10.98.0.0/24'
edit /etc/sysconfig/chronyd 's/^OPTIONS=.*/OPTIONS="-x"/'
edit /etc/logrotate.conf 's/^rotate [0-9]+/rotate 12/'
edit /etc/login.defs 's/^(PASS_MAX_DAYS\s+).*/\1365/'
edit /etc/rsyslog.conf '$a *.emerg    :omusrmsg:root'
edit /etc/sysconfig/crond 's/^CRONDARGS=.*/CRONDARGS="-n"/' # what cronie and the lab's cron both know
edit /etc/apcupsd/apcupsd.conf 's/^UPSNAME.*|^#UPSNAME.*/UPSNAME rio-ups/' 's/^UPSCABLE .*/UPSCABLE ether/' 's/^UPSTYPE .*/UPSTYPE net/' \
  's/^DEVICE.*/DEVICE 10.98.0.1:3551/'
edit /etc/systemd/journald.conf 's/^#?SystemMaxUse=.*/SystemMaxUse=64M/'
edit /etc/lsyncd.conf '$a -- see /etc/rio/lsyncd.conf.sample'
put /etc/motd <<'END'
rio1: プライマリ
END
put /etc/rio/mailsync.conf 600 <<'END'
# nothing to copy to yet: the other server has no mailboxes
IMAPStore other
Host rio2.rio.example
User taro
Pass "taro-no-himitsu"
END

systemctl daemon-reload
systemctl set-default multi-user.target 2>/dev/null
systemctl enable -q --now rio-rpm-list.timer rio-drop-zone.timer rio-mailsync.timer rio-boot.service
systemctl enable -q rio-note@one.service
systemctl enable -q --now rsyslog
systemctl enable -q --now chronyd apcupsd
systemctl disable -q --now logrotate.timer          # cron does it here
systemctl disable -q lsyncd smartd 2>/dev/null || true
systemctl mask -q debug-shell.service
