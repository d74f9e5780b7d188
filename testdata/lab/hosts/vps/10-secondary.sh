# shellcheck shell=bash
# The VPS: secondary name server and mail exchanger by and by; for now the bare
# packages, and a file of its provider's.
source ../common/functions.sh

dnf -y -q install bind bind-chroot postfix
put /etc/cloud-provider.json <<<'{"provider":"conoha","region":"tyo1"}'
systemctl enable -q --now postfix
label_all
