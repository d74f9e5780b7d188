# shellcheck shell=bash
# firewalld with zones of its own; the drop zone comes out of postgresql.
source ../common/functions.sh

lay etc/firewalld etc/rio
chmod 755 /etc/rio/*.sh
edit /etc/firewalld/firewalld.conf 's/^LogDenied=.*/LogDenied=unicast/' 's/^IPv6_rpfilter=.*/IPv6_rpfilter=no/'
systemctl enable -q --now firewalld
/etc/rio/drop-zone.sh
firewall-cmd --check-config >/dev/null
firewall-cmd --get-active-zones | grep -q '^drop'
