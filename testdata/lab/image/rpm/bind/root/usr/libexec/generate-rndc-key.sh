#!/bin/bash
# The key by which rndc speaks to named, made once per host.
[ -s /etc/rndc.key ] || [ -s /etc/rndc.conf ] && exit 0
/usr/sbin/rndc-confgen -a -A hmac-sha256 -c /etc/rndc.key > /dev/null 2>&1 || exit 1
chmod 640 /etc/rndc.key
chown root:named /etc/rndc.key
