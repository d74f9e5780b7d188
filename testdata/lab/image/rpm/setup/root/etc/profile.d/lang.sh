# /etc/profile.d/lang.sh: the locale set in /etc/locale.conf, for login shells
if [ -z "$LANG" ] && [ -r /etc/locale.conf ]; then
    . /etc/locale.conf
    export LANG
fi
