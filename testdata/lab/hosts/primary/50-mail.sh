# shellcheck shell=bash
# postfix with submission and smtps, SASL by dovecot, procmail to Maildirs,
# postgrey, S25R, spamassassin. Skel first: people come in 60.
source ../common/functions.sh

lay etc/postfix etc/procmailrc etc/skel etc/mail etc/dovecot
chmod 700 /etc/skel/.spamassassin

postconf -e 'myhostname = mail.rio.example' 'mydomain = rio.example' 'myorigin = $mydomain' \
  'inet_interfaces = all' 'inet_protocols = all' \
  'mydestination = $myhostname, localhost.$mydomain, localhost, $mydomain' \
  'mynetworks = 127.0.0.0/8, 10.98.0.1/32, 10.98.0.11/32, 10.98.0.12/32, [::1]/128, [fd98::1]/128' \
  'home_mailbox = Maildir/' 'mailbox_command = /usr/bin/procmail' \
  'alias_maps = hash:/etc/aliases' 'alias_database = hash:/etc/aliases' \
  'virtual_alias_maps = hash:/etc/postfix/virtual' 'transport_maps = hash:/etc/postfix/transport' \
  'header_checks = pcre:/etc/postfix/header_checks.pcre' \
  'smtpd_sasl_auth_enable = yes' 'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' \
  'smtpd_tls_cert_file = /etc/pki/tls/certs/rio.example.crt' \
  'smtpd_tls_key_file = /etc/pki/tls/private/rio.example.key' \
  'smtpd_tls_security_level = may' 'smtpd_tls_auth_only = yes' \
  'smtp_sasl_auth_enable = yes' 'smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd' \
  'smtp_sasl_security_options = noanonymous' \
  'smtpd_client_restrictions = permit_mynetworks, permit_sasl_authenticated, check_client_access regexp:/etc/postfix/permit_client_nots25r, check_client_access regexp:/etc/postfix/s25r.regexp' \
  'smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, check_policy_service unix:postgrey/socket' \
  'message_size_limit = 52428800' 'mailbox_size_limit = 0' 'smtputf8_enable = no'
# smtps, or submissions as later releases call it
edit /etc/postfix/master.cf \
  's/^#(submission +inet .*)/\1\n  -o syslog_name=postfix\/submission\n  -o smtpd_tls_security_level=encrypt\n  -o smtpd_client_restrictions=permit_sasl_authenticated,reject/' \
  's/^#((smtps|submissions) +inet .*)/\1\n  -o syslog_name=postfix\/smtps\n  -o smtpd_tls_wrappermode=yes\n  -o smtpd_client_restrictions=permit_sasl_authenticated,reject/'

put /etc/postfix/sasl_passwd 600 <<'END'
[relay.provider.example]:587    rio1:tooku-no-relay-9
END
edit /etc/aliases '$a root:           taro\
family:         taro, hanako, sakura\
spamtrap:       /dev/null'
newaliases
postmap /etc/postfix/virtual /etc/postfix/transport /etc/postfix/sasl_passwd
chmod 600 /etc/postfix/sasl_passwd.db

edit /etc/dovecot/dovecot.conf 's/^#?protocols = .*/protocols = imap/'
edit /etc/dovecot/conf.d/10-mail.conf 's/^#?mail_location = *$/mail_location = maildir:~\/Maildir/'
edit /etc/dovecot/conf.d/10-auth.conf 's/^auth_mechanisms = .*/auth_mechanisms = plain login/'
edit /etc/dovecot/conf.d/10-ssl.conf\
  's|^ssl_cert = .*|ssl_cert = </etc/pki/tls/certs/rio.example.crt|' \
  's|^ssl_key = .*|ssl_key = </etc/pki/tls/private/rio.example.key|'
edit /etc/dovecot/conf.d/10-master.conf \
  '/# Postfix smtp-auth/,/#\}/{s/#unix_listener/unix_listener/;s/# *mode = 0666/  mode = 0660\n    user = postfix\n    group = postfix/;s/^( *)#\}/\1}/}'
edit /etc/mail/spamassassin/local.cf '$a use_bayes 1\
skip_rbl_checks 1'
edit /etc/sysconfig/postgrey 's/^POSTGREY_DELAY=.*/POSTGREY_DELAY="--delay=120"/'

postfix check
doveconf >/dev/null
systemctl enable -q --now spamassassin postgrey dovecot postfix
