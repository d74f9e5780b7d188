# shellcheck shell=bash
# What this machine must offer to run the lab, and what is installed on it.

# Tool -> Debian package, for what the lab itself runs. image/build installs its own.
readonly LAB_TOOLS=(systemd-nspawn:systemd-container ip:iproute2 ssh:openssh-client
  python3:python3 nsenter:util-linux mkfs.ext4:e2fsprogs flock:util-linux
  curl:curl dig:bind9-dnsutils openssl:openssl getfacl:acl getfattr:attr)

need_root() { [ "$(id -u)" = 0 ] || cannot "it needs root (hosts are mounted and booted)"; }

# What the kernel must have, tried rather than looked up, without leaving a trace.
check_kernel() {
  [ "$(uname -s)" = Linux ] || cannot "it needs Linux"
  grep -qw overlay /proc/filesystems || modprobe -q overlay 2>/dev/null ||
    cannot "the kernel has no overlay file system"
  unshare --mount --net --pid --fork sh -c '
    ip link add br0 type bridge 2>/dev/null || exit 10
    ip link add v0 type veth peer name v1 2>/dev/null || exit 11
    [ -e /proc/sys/net/ipv6 ] || exit 12' 2>/dev/null || case $? in
    10) cannot "the kernel has no bridge" ;;
    11) cannot "the kernel has no veth" ;;
    12) cannot "the kernel has no IPv6" ;;
    *)  cannot "it may not make namespaces" ;;
  esac
  [ -n "$(cgroup_roots)" ] || cannot "no writable cgroup tree for systemd"
}

check_tools() {
  local pair
  for pair in "${LAB_TOOLS[@]}"; do
    command -v "${pair%%:*}" >/dev/null || cannot "${pair%%:*} is missing (package ${pair#*:}; 'lab build' installs it)"
  done
}

check_machine() { need_root; check_tools; check_kernel; }

install_tools() {
  local pair want=()
  for pair in "${LAB_TOOLS[@]}"; do
    command -v "${pair%%:*}" >/dev/null || want+=("${pair#*:}")
  done
  [ ${#want[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || cannot "these packages are missing: ${want[*]}"
  say "installing on this machine: ${want[*]}"
  if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
           -o DPkg::Lock::Timeout=300 install "${want[@]}"; } >"$HIKAE_LAB/log/apt.log" 2>&1; then
    tail -n 5 "$HIKAE_LAB/log/apt.log" >&2
    cannot "apt-get could not install ${want[*]}"
  fi
}

# The cgroup trees systemd-nspawn looks at: the unified one, and where the
# machine is a hybrid, systemd's named one. Each host gets a group of its own in
# them, else two hosts' systemd would take each other's processes for theirs.
cgroup_roots() {
  local dir
  for dir in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
    if [ -w "$dir/cgroup.procs" ]; then echo "$dir"; fi
  done
}

lab_id() { printf '%s' "$HIKAE_LAB" | sha256sum | cut -c1-8; }

cgroup_of() { echo "hikae-lab-$(lab_id)/$1"; }

# Move the calling shell into HOST's own group.
cgroup_enter() { # HOST [SUBGROUP]
  local dir
  for dir in $(cgroup_roots); do
    mkdir -p "$dir/$(cgroup_of "$1")"
    echo "$BASHPID" >"$dir/$(cgroup_of "$1")${2:+/$2}/cgroup.procs"
  done
}

# Kill whatever is left in HOST's own group, and nothing else.
cgroup_kill() { # HOST
  local dir pids try
  for dir in $(cgroup_roots); do
    for try in 1 2 3 4 5; do
      [ -d "$dir/$(cgroup_of "$1")" ] || break
      pids=$(find "$dir/$(cgroup_of "$1")" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -vx 0) || true
      [ -n "$pids" ] || break
      # shellcheck disable=SC2086
      kill -KILL $pids 2>/dev/null || true
      sleep "0.0$try"
    done
  done
}

cgroup_remove() { # HOST, or . for the lab's own
  local dir try
  for dir in $(cgroup_roots); do
    dir=$dir/$(cgroup_of "$1")
    rmdir "/sys/fs/cgroup/pids/$(cgroup_of "$1")" 2>/dev/null || true
    for try in 1 2 3 4 5; do # a group stays busy for a moment after its last process
      [ -d "$dir" ] || break
      find "${dir%/.}" -depth -type d -exec rmdir {} + 2>/dev/null || sleep "0.0$try"
    done
  done
}

# The group that bounds how many processes and threads HOST has: its own where
# cgroup2 counts them, else one in the tree that does.
cgroup_tasks() { # HOST
  local of dir root=/sys/fs/cgroup; of=$(cgroup_of "$1")
  if grep -qw pids "$root/cgroup.controllers" 2>/dev/null; then
    echo +pids >"$root/cgroup.subtree_control" && echo +pids >"$root/${of%/*}/cgroup.subtree_control" || return 1
    echo "$root/$of"
    return
  fi
  [ -w "$root/pids/cgroup.procs" ] || return 1
  mkdir -p "$root/pids/$of"
  find "$root"/{unified,systemd}/"$of" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u |
    while read -r pid; do echo "$pid" >"$root/pids/$of/cgroup.procs" || true; done 2>/dev/null
  echo "$root/pids/$of"
}

# A process is named by pid and start time, so that a reused pid is never killed.
proc_id() { # PID -> "PID STARTTIME"
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  # shellcheck disable=SC2086
  set -- "$1" $stat
  [ "$2" != Z ] || return 1
  echo "$1 ${21}"
}

proc_alive() { # FILE holding "PID STARTTIME"
  local id
  [ -f "$1" ] && id=$(<"$1") && [ -n "$id" ] && [ "$(proc_id "${id% *}")" = "$id" ]
}
