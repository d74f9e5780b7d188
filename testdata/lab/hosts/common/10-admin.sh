# shellcheck shell=bash
# A login that is not root, on every host, with the controller's key; on the two
# servers it may use sudo without a password.
source ../common/functions.sh

getent passwd admin >/dev/null || useradd -u 1000 -m -s /bin/bash -c 'Administrator' admin
install -d -m 700 -o admin -g admin /home/admin/.ssh
install -m 600 -o admin -g admin /root/.ssh/authorized_keys /home/admin/.ssh/authorized_keys
case $LAB_HOST in
  primary|standby)
    install -d -m 750 /etc/sudoers.d
    echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
    chmod 440 /etc/sudoers.d/admin ;;
esac
label_all
