# shellcheck shell=bash
# DHCP for both families on the bridge, where no lab host asks for an address.
source ../common/functions.sh

lay etc/dhcp
chmod 750 /etc/dhcp
systemctl enable -q --now dhcpd dhcpd6
