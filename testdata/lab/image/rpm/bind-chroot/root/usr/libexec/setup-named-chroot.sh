#!/bin/bash
# setup-named-chroot.sh ROOTDIR on|off [LIST]
#
# Binds the files and directories of LIST into named's chroot, or undoes it. A
# file is bound by its inode: a file that is later replaced by a rename is seen
# in the chroot only after the next "off" and "on".
root=$1 what=$2 list=${3:-/etc/named-chroot.files}
usage() { echo "usage: ${0##*/} ROOTDIR on|off [LIST]" >&2; exit 1; }
[ $# -ge 2 ] && [ -d "$root" ] && [ -r "$list" ] || usage

entries() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$list"; }
device() { [ -e "$root/dev/$1" ] || { mknod -m "$2" "$root/dev/$1" c "$3" "$4"; chown "root:${5:-root}" "$root/dev/$1"; }; }

case $what in
on)
    device random 644 1 8; device urandom 644 1 9; device zero 666 1 5; device null 666 1 3
    entries | while read -r path; do
        [ -e "$path" ] || continue
        if [ -d "$path" ]; then
            # What is not empty in the chroot is the administrator's own.
            mkdir -p "$root$path"
            [ "$path" != /var/named ] && [ -n "$(ls -A "$root$path")" ] && continue
            mountpoint -q "$root$path" || mount --bind "$path" "$root$path"
        else
            mkdir -p "$(dirname "$root$path")"
            [ -s "$root$path" ] && continue
            [ -e "$root$path" ] || : > "$root$path"
            mount --bind "$path" "$root$path"
        fi
    done ;;
off)
    entries | tac | while read -r path; do
        while mountpoint -q "$root$path"; do umount "$root$path" || break; done
        # The empty files that "on" made to bind upon.
        [ -f "$root$path" ] && [ ! -s "$root$path" ] && rm -f "$root$path"
    done
    rm -f "$root"/dev/{random,urandom,zero,null} ;;
*) usage ;;
esac
exit 0
