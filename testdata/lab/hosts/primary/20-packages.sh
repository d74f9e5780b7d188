# shellcheck shell=bash
# Packages, in the handful of transactions they came in over the years.
source ../common/functions.sh

dnf -y -q install httpd mod_ssl php-fpm php-mysqlnd php-gd php-xml php-mbstring \
  bind bind-chroot bind-utils dhcp-server \
  mariadb-server postgresql-server postgresql-contrib redis
dnf -y -q install postfix dovecot dovecot-pigeonhole procmail spamassassin postgrey cyrus-sasl-plain mailx
dnf -y -q install firewalld chrony logrotate rsyslog cronie at rsync lsyncd isync cockpit-ws smartmontools \
  policycoreutils-python-utils python3-dnf-plugin-post-transaction-actions python3-dnf-plugin-versionlock \
  bash-completion vim-minimal tmux tree htop wget tcpdump strace git jq acl attr
dnf -y -q install php74-php-fpm php74-php-mysqlnd php74-php-gd php74-php-xml php74-php-mbstring
dnf -y -q install plexmediaserver apcupsd

# A house-made package from no repository: nothing but rpm knows of it.
rpm -i ../localrpms/house-tools-*.rpm

# One of them was only ever tried out.
dnf -y -q remove telnet htop >/dev/null || true
dnf -y -q install htop
dnf -q versionlock add postgresql-server mariadb-server
