#!/bin/sh
# mkcert.sh CERT KEY: the host's self-signed pair, by dovecot-openssl.cnf.
[ -e "$1" ] && exit 0
umask 077
openssl req -new -x509 -nodes -days 365 -config /etc/pki/dovecot/dovecot-openssl.cnf \
    -out "$1" -keyout "$2" 2>/dev/null && chmod 644 "$1"
