# shellcheck shell=bash
# The lab, the project, and what the measured programs work on: the 180
# resources, and two states of 100 files that every apply goes from one to the
# other of.

lab=testdata/lab/lab
export HIKAE_LAB=${HIKAE_LAB:-/var/tmp/hikae-lab}
export HIKAE_SSH_CONFIG=$HIKAE_LAB/ssh/config
readonly TREE=/etc/bench.d      # of the 100 files
readonly BIG=/srv/bench/big     # the big file

hikae()  { bin/hikae -C "$project" "$@"; }
on()     { ssh -F "$HIKAE_SSH_CONFIG" "$@"; } # a fresh connection
inside() { $lab exec "$1" -- "${@:2}"; }      # no connection

run_ssh() { on primary true; } # what a login alone takes

install_tools() {
  local want=() pair
  for pair in ansible-playbook:ansible rsync:rsync setfacl:acl setfattr:attr; do
    command -v "${pair%%:*}" >/dev/null || want+=("${pair#*:}")
  done
  /usr/bin/python3 -c 'import ansible_mitogen' 2>/dev/null || want+=(ansible-mitogen)
  [ ${#want[@]} -gt 0 ] || return 0
  say "installing with apt-get: ${want[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${want[@]}" >/dev/null
}

# new_project is the lab's house, and beside it some of its hosts by other names.
new_project() {
  local i host names=(primary standby)
  mkdir -p "$project"
  cp testdata/home/hikae.hcl "$project/" # plans of the primary need no local rpms
  cp "$HIKAE_SSH_CONFIG" "$work/ssh-config"
  {
    printf 'host "bdb" { ssh = "root@standby" }\n'
    printf 'host "big" {\n  ssh   = "root@standby"\n  paths = ["%s"]\n}\n' "${BIG%/*}"
    for i in {1..100}; do printf 'host "many-%s" { ssh = "root@many-%s" }\n' "$i" "$i"; done
  } >"$project/bench.hcl"
  {
    for i in {1..100}; do
      host=${names[i % 2]}
      printf 'Host many-%s\n' "$i"
      sed -n "/^Host $host\$/,/^\$/s/^  /  /p" "$HIKAE_LAB/ssh/config"
    done
    cat "$HIKAE_LAB/ssh/config"
  } >"$work/ssh-config"
  export HIKAE_SSH_CONFIG=$work/ssh-config
  hikae init >/dev/null
}

# trees makes $work/tree/a and $work/tree/b: the same 100 files with other
# bytes, each with an owner, a mode, an ACL and a label of its own.
trees() {
  local side d f n=0 path owners=(root apache named mysql postfix) modes=(644 640 664 755 750) labels=(httpd_config_t named_conf_t mysqld_etc_t postfix_etc_t etc_t)
  local -A id
  for f in "${owners[@]}"; do id[$f]=$(inside primary id -u "$f"):$(inside primary id -g "$f"); done
  for side in a b; do
    for d in 0 1 2 3 4 5 6 7 8 9; do
      mkdir -p "$work/tree/$side/$d"
      for f in 0 1 2 3 4 5 6 7 8 9; do
        path=$work/tree/$side/$d/$f.conf n=$((d * 10 + f))
        # 0.5 to 16 KiB, as files below /etc are
        awk -v n=$n -v s=$side 'BEGIN {for (i = 0; i < 10 + n * 3; i++) printf "Setting%d_%d = the %dth value of state %s, file %d\n", n, i, i * n, s, n}' >"$path"
        chown "${id[${owners[n % 5]}]}" "$path"
        chmod "${modes[d % 5]}" "$path"
        setfacl -m "u:${id[${owners[(n + 1) % 5]}]%:*}:r--" "$path"
        setfattr -n security.selinux -v "system_u:object_r:${labels[f % 5]}:s0" "$path"
        # rsync takes files of one size and one second for the same
        if [[ $side == a ]]; then touch -d '1 day ago' "$path"; fi
      done
    done
  done
}

# lay SIDE: that state stands on the primary, by other means than are measured
lay() {
  tar -C "$work/tree/$1" --numeric-owner --acls --xattrs --xattrs-include='*' -cf - . |
    inside primary sh -c "mkdir -p $TREE && exec tar -C $TREE --numeric-owner --acls --xattrs --xattrs-include='*' -xpf -"
}

# resources writes what Ansible is told of: 50 packages, 20 services, 10 users
# of the primary, as they are.
resources() {
  {
    echo 'packages:'
    inside primary rpm -qa --qf '%{NAME}\n' | grep -v -e gpg-pubkey -e '-release$' -e house-tools | LC_ALL=C sort -u | awk 'NR % 6 == 0' | sed -n 1,50p | sed 's/.*/  - "&"/'
    echo 'services:'
    inside primary sh -c 'for u in $(systemctl list-unit-files --type=service --state=enabled --no-legend --plain | cut -d" " -f1); do
      case $u in *@*) ;; *) if systemctl -q is-active "$u"; then echo "$u"; fi ;; esac; done' | sed -n 1,20p | sed 's/.*/  - "&"/'
    echo 'people:'
    inside primary getent passwd | awk -F: '$7 != "" && n++ < 10 {printf "  - {name: \"%s\", uid: %s, home: \"%s\", shell: \"%s\"}\n", $1, $3, $6, $7}'
  } >"$work/resources.yml"
  local n
  n=$(grep -c '^  - ' "$work/resources.yml")
  ((n == 80)) || { cat "$work/resources.yml" >&2; say "wanted 50 packages, 20 services, 10 users; found $n in all"; return 1; }
}

# big_file makes $work/big, and lays it on the standby.
big_file() {
  mib=${BIG_MIB:-2048}
  if [[ ! -f $work/big ]]; then
    head -c $((mib << 20)) /dev/urandom >"$work/big"
    sum=$(sha256sum <"$work/big" | cut -d' ' -f1)
  fi
  inside standby mkdir -p "${BIG%/*}"
  inside standby sh -c "cat >$BIG" <"$work/big"
}
before_big_to()   { inside standby rm -f "$BIG"; }
before_big_from() { # a host that was never read, with a file that no one has
  rm -rf "$project"/states/big "$project"/states/.store/{generations,stamps,undo,base}/big
  rm -f "$project/states/.store/blobs/${sum:0:2}/$sum"
}

# el8_packages gives the standby the rpm database of an EL 8, in Berkeley DB, in
# the place of its own; $packages says how many it holds.
el8_packages() {
  [[ -z ${packages:-} ]] || return 0
  go run ./hosts/rpmdb/rpmdbtest/mkbdb "$work/rpmdb"
  tar -C "$work/rpmdb" -cf - . | inside standby sh -c 'mv /var/lib/rpm /var/lib/rpm.lab && mkdir /var/lib/rpm && exec tar -C /var/lib/rpm -xf -'
  hikae snapshot bdb >/dev/null
  packages=$(grep -vc '^#' "$project/states/bdb/packages.lock")
}

# unmake puts the hosts back to what they were built as, and stops them.
unmake() {
  local kept
  for kept in "$work"/cm-*; do # connections that Ansible keeps
    if [[ -S $kept ]]; then ssh -F /dev/null -o ControlPath="$kept" -O exit kept 2>/dev/null || true; fi
  done
  rm -rf "$work"
  $lab reset primary standby >/dev/null 2>&1 || true
  $lab down >/dev/null 2>&1 || true
}
