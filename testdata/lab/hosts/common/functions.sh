# shellcheck shell=bash
# What the set-up scripts share. They run inside the booted host, in /run/lab/HOST,
# as an administrator would work: packages first, then edits and files of one's own.

# lay PATH...: copy the files below ./tree/PATH to the same place on the host,
# root's and readable; directories that are there already stay as they are.
lay() {
  (cd tree && find "$@" ! -type d -print0 |
    tar --null -T - --owner=root --group=root --mode='u=rwX,go=rX' -cf -) | tar -C / -xpf -
}

# put PATH [MODE [OWNER[:GROUP]]] <CONTENT: one small file
put() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod "${2:-644}" "$1"
  chown "${3:-root:root}" "$1"
}

# edit FILE SED-EXPRESSION...: edit a package's file in place; every expression
# must change something, so that an edit never silently misses.
edit() {
  local file=$1 before expression; shift
  for expression; do
    before=$(sha256sum <"$file")
    sed -i -E "$expression" "$file"
    [ "$before" != "$(sha256sum <"$file")" ] || { echo "edit changed nothing in $file: $expression" >&2; return 1; }
  done
}

# rpm_url URL-DIRECTORY NAME: the address of NAME's rpm in a repository listing
rpm_url() {
  local href
  href=$(curl -fsS "$1/" | grep -o "href=\"[^\"]*$2-[0-9][^\"]*\.rpm\"" | head -n 1 | cut -d'"' -f2)
  [ -n "$href" ] || { echo "no $2 in $1" >&2; return 1; }
  echo "$1/$href"
}

# label_all: give the files of one's own the labels of the policy, as they would
# have got at birth where the kernel enforces one (here it does not).
label_all() {
  local tree trees=()
  # not named's chroot: it shows /var/named a second time
  for tree in /etc /home /root /srv /var/www /var/named/[!c]* /var/spool /var/lib /usr/local; do
    if [ -e "$tree" ]; then trees+=("$tree"); fi
  done
  setfiles -F /etc/selinux/targeted/contexts/files/file_contexts "${trees[@]}"
}
