# shellcheck shell=bash
# People. Their ids are pinned; their mail lies in their homes. The passwords
# stand here because check logs in with them; nobody real has them.
source ../common/functions.sh

groupadd -g 2000 family
groupadd -g 2001 photo

person() { # person UID NAME GECOS PASSWORD [USERADD-OPTION...]
  local uid=$1 name=$2 gecos=$3 password=$4; shift 4
  groupadd -g "$uid" "$name"
  useradd -u "$uid" -g "$uid" -m -c "$gecos" "$@" "$name"
  usermod -p "$(openssl passwd -6 -salt "$name.rio" "$password")" "$name"
  install -d -m 700 -o "$name" -g "$name" "/home/$name/Maildir" "/home/$name/Maildir/"{cur,new,tmp} \
    "/home/$name/Maildir/.Junk" "/home/$name/Maildir/.Junk/"{cur,new,tmp}
}
person 1001 taro   '太郎'   'taro-no-himitsu'   -G family,photo,wheel -s /bin/bash
person 1002 hanako '花子'   'hanako-no-himitsu' -G family,photo       -s /bin/bash
person 1003 jiro   '次郎'   'jiro-no-himitsu'   -G family             -s /bin/bash
person 1004 yuki   '雪'     'yuki-no-himitsu'   -s /sbin/nologin
person 1005 ken    '健'     'ken-no-himitsu'    -G photo -s /bin/sh
person 1006 sakura 'さくら' 'sakura-no-himitsu' -G family -s /bin/bash

usermod -L jiro                      # away for a year
chage -M 180 -W 14 ken
install -d -m 700 -o ken -g ken /home/ken/.ssh
ssh-keygen -q -t ed25519 -N '' -C ken@laptop -f /run/ken-key
put /home/ken/.ssh/authorized_keys 600 ken:ken </run/ken-key.pub
rm /run/ken-key /run/ken-key.pub

# Old mail, so that there is something to keep.
for name in taro hanako sakura; do
  for n in 1 2 3; do
    put "/home/$name/Maildir/cur/163000000$n.M${n}P1.rio1:2,S" 600 "$name:$name" <<END
From: obaasan@provider.example
To: $name@rio.example
Subject: letter $n
Date: Thu, 21 Oct 2021 20:5$n:00 +0900
Message-ID: <letter-$n-$name@provider.example>

mark:mail-$name-$n
END
  done
done
install -d -o taro -g photo -m 2775 /srv/photo/2021
put /srv/photo/2021/album.txt 664 taro:photo <<<'mark:photo-album'
chown -R sakura:sakura /srv/sakura

put /var/spool/cron/taro 600 taro:taro <<'END'
MAILTO=taro
*/10 * * * * mbsync -q -a >/dev/null 2>&1
END
put /var/spool/cron/root 600 <<'END'
# nightly, after the others
15 4 * * * /etc/rio/rpm-list.sh
END
systemctl enable -q --now crond atd
[ -e /var/spool/at/.SEQ ] || install -m 600 -o daemon -g daemon /dev/null /var/spool/at/.SEQ
echo '/usr/bin/logger new year' | at -t 203501010000
