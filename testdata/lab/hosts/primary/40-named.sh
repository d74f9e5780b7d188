# shellcheck shell=bash
# Two views on IPv4 and IPv6 in named-chroot; acls, keys and the block list in
# included files.
source ../common/functions.sh

lay etc/named.conf etc/named var/named
tsig=$(head -c 32 /dev/urandom | base64)
put /etc/named/keys.conf 640 root:named <<END
key "conoha-transfer" {
	algorithm hmac-sha256;
	secret "$tsig";
};
END
chown root:named /etc/named.conf /etc/named/*.zones /etc/named/acl.conf
chmod 640 /etc/named.conf
chown -R root:named /var/named/internal /var/named/external
chmod 750 /var/named/internal /var/named/external
printf 'OPTIONS="-n 1"\n' >>/etc/sysconfig/named

named-checkconf -z /etc/named.conf >/dev/null
# named-chroot in place of named: two units of which one may run.
systemctl enable -q --now named-chroot
