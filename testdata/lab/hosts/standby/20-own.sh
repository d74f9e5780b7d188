# shellcheck shell=bash
# Its own person, files and edits: what a first contact must not lose unasked.
source ../common/functions.sh

useradd -u 1010 -m -s /bin/bash -c 'Keiko' keiko
usermod -p "$(openssl passwd -6 -salt keiko.rio keiko-no-himitsu)" keiko
lay etc/keiko etc/cron.d var/www
put /home/keiko/diary.txt 600 keiko:keiko <<<'standby:diary'
put /var/spool/cron/keiko 600 keiko:keiko <<'END'
@daily /usr/bin/true
END
edit /etc/httpd/conf/httpd.conf 's/^ServerAdmin .*/ServerAdmin keiko@rio.example/'
edit /etc/nanorc 's/^#? ?set tabsize .*/set tabsize 4/'
put /etc/motd <<<'rio2: スタンバイ'
systemctl enable -q --now crond httpd
label_all
