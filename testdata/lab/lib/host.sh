# shellcheck shell=bash
# One host: mounting its root, booting, entering, stopping it.

readonly BOOT_TIMEOUT=90

run_dir()   { echo "$HIKAE_LAB/run/$1"; }
host_root() { echo "$HIKAE_LAB/hosts/$1/root"; }
disk_kind() { cat "$HIKAE_LAB/hosts/$1/disk-kind" 2>/dev/null || echo dir; }
built()     { [ -f "$HIKAE_LAB/layers/$1/key" ]; }

# A host whose layer is being built writes to the new layer, above base alone.
host_building() { [ -d "$HIKAE_LAB/layers/$1.new" ]; }

host_alive() { proc_alive "$(run_dir "$1")/nspawn"; }

# PID 1 of HOST, seen from here: the child of its nspawn. It changes when a host
# reboots itself, so it is asked for each time.
host_leader() {
  local pid children
  host_alive "$1" || return 1
  pid=$(cut -d' ' -f1 "$(run_dir "$1")/nspawn")
  children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) && [ -n "$children" ] && echo "${children%% *}"
}

# Not mountpoint(1): that asks the file system, and one that was shut down answers
# with an error.
mounted() { grep -qF " ${1// /\\040} " /proc/self/mounts; }

# Who copied the mounts into a namespace of his own holds a host's disk after the
# host: mounted again it would still be the one that was shut down.
disk_released() { # IMAGE
  local try
  # shellcheck disable=SC2034
  for try in {1..1200}; do
    [ -n "$(losetup -n -O NAME -j "$1")" ] || return 0
    sleep 0.05
  done
  die "another mount namespace holds $1"
}

host_mount() {
  local dir=$HIKAE_LAB/hosts/$1 disk lower=$HIKAE_LAB/base options=redirect_dir=on,index=off,metacopy=off
  mounted "$dir/root" && return
  mkdir -p "$dir/root" "$dir/disk"
  disk=$dir/disk
  if host_building "$1"; then
    disk=$HIKAE_LAB/layers/$1.new
    options+=,volatile # nobody pulls the plug on a layer being built: skip the syncs
  else
    lower=$HIKAE_LAB/layers/$1/upper:$lower
    if [ "$(disk_kind "$1")" = loop ]; then
      if [ ! -f "$dir/disk.img" ]; then
        truncate -s 16G "$dir/disk.img"
        mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$dir/disk.img"
      fi
      mounted "$disk" || disk_released "$dir/disk.img"
      mounted "$disk" || mount -o loop "$dir/disk.img" "$disk" || cannot "no loop device for $1's disk"
    fi
  fi
  mkdir -p "$disk/upper" "$disk/work"
  mount -t overlay "hikae-$1" -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work,$options" \
    "$dir/root" || cannot "the overlay for $1 cannot be mounted"
}

host_unmount() {
  local dir=$HIKAE_LAB/hosts/$1 part try
  for part in root disk; do
    for try in {1..100}; do
      mounted "$dir/$part" || break
      umount "$dir/$part" 2>/dev/null || sleep "0.0$((try % 9 + 1))"
    done
    ! mounted "$dir/$part" || die "$dir/$part is busy and stays mounted"
  done
}

# Run a program in a mount namespace without the other hosts' disks: nspawn keeps
# all that it was started with, unseen beneath the host's root, for as long as the
# host runs, and a disk that is held there is not gone when its own host stops.
# shellcheck disable=SC2016
readonly FORGET_HOSTS='own=$1; shift
grep -oE " /[^ ]+/hosts/(primary|standby|fresh|vps)/(root|disk) " /proc/self/mounts | sort -r |
  while read -r m; do case $m in "$own"/*) ;; *) umount -l "$m" 2>/dev/null ;; esac; done
exec "$@"'

host_start() {
  local dir; dir=$(run_dir "$1")
  host_alive "$1" && return
  cgroup_kill "$1" # what a host that lost its nspawn left running
  mkdir -p "$dir"
  host_mount "$1"
  (
    cgroup_enter "$1"
    # The lab's hosts see cgroup2 alone, whatever this machine has. /proc/sys/net
    # is theirs; the clock and the kernel's modules are not.
    export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
    exec setsid unshare --mount sh -c "$FORGET_HOSTS" sh "$HIKAE_LAB/hosts/$1" \
      systemd-nspawn --quiet --register=no --keep-unit --boot \
      --directory="$(host_root "$1")" --machine="$1" \
      --network-namespace-path="/run/netns/$(netns "$1")" \
      --capability=all --drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO \
      --resolv-conf=off --timezone=off --link-journal=no --console=read-only
  ) </dev/null >"$dir/console" 2>&1 9>&- &
  proc_id $! >"$dir/nspawn" || true
}

host_state() { # off, booting, or what systemd says: running, degraded, ...
  local leader state
  built "$1" || { echo 'not built'; return; }
  host_alive "$1" || { echo off; return; }
  leader=$(host_leader "$1") || { echo booting; return; }
  state=$(nsenter -t "$leader" -a -r -w systemctl is-system-running 2>/dev/null) || true
  echo "${state:-booting}"
}

ssh_answers() {
  timeout 2 bash -c 'exec 3<>"/dev/tcp/10.98.0.$1/22" && IFS= read -r line <&3 && [[ $line = SSH-* ]]' \
    bash "${HOST_NUMBER[$1]}" 2>/dev/null
}

# Wait until systemd has settled in each host and its sshd answers.
hosts_wait() {
  local deadline=$((SECONDS + BOOT_TIMEOUT)) name leader state
  for name; do
    while :; do
      host_alive "$name" || { tail -n 20 "$(run_dir "$name")/console" >&2; die "$name stopped while booting"; }
      state=
      if leader=$(host_leader "$name"); then
        state=$(timeout 20 nsenter -t "$leader" -a -r -w systemctl is-system-running --wait 2>/dev/null </dev/null) || true
      fi
      case $state in
        running|degraded)
          [ "$(link_state "$name")" = cut ] && break
          ssh_answers "$name" && break ;;
      esac
      if [ $SECONDS -ge $deadline ]; then
        tail -n 20 "$(run_dir "$name")/console" >&2
        die "$name is not up after $BOOT_TIMEOUT s (systemd says: ${state:-nothing})"
      fi
      sleep 0.2
    done
    if [ "$state" = degraded ]; then
      say "$name is up, with failed units: $(host_exec "$name" systemctl list-units --failed --plain --no-legend | cut -d' ' -f1 | paste -sd' ')"
    fi
  done
}

# Become a command inside HOST, run as root with the environment of a plain login.
host_become() {
  local name=$1 leader; shift
  leader=$(host_leader "$name") || die "$name is not running"
  cgroup_enter "$name" payload/init.scope 2>/dev/null || true
  exec nsenter -t "$leader" -a -r -w -- /usr/bin/env -i -C /root \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb "$@"
}

host_exec() { (host_become "$@"); }

# Hard stop, as when the power goes. With a loop disk its file system is first
# shut down without writing its log: what was not synced is lost, as on metal;
# killing the processes alone would leave it all in this machine's page cache.
host_kill() {
  local pidfile; pidfile=$(run_dir "$1")/nspawn
  if mounted "$HIKAE_LAB/hosts/$1/disk" && host_alive "$1"; then
    python3 - "$HIKAE_LAB/hosts/$1/disk" <<'END'
import fcntl, os, struct, sys
EXT4_IOC_SHUTDOWN = 0x8004587D          # _IOR('X', 125, __u32)
EXT4_GOING_FLAGS_NOLOGFLUSH = 2
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))
END
  fi
  local pid leader try
  if leader=$(host_leader "$1"); then kill -KILL "$leader" 2>/dev/null || true; fi
  for try in {1..100}; do # nspawn ends by itself once its PID 1 is gone
    host_alive "$1" || break
    [ "$try" -lt 20 ] || { pid=$(cut -d' ' -f1 "$pidfile"); kill -KILL "$pid" 2>/dev/null || true; }
    sleep 0.05
  done
  ! host_alive "$1" || die "$1 cannot be stopped"
  cgroup_kill "$1" # a PID 1 whose nspawn was killed lives on
  rm -f "$pidfile"
  host_unmount "$1"
  cgroup_remove "$1"
}

# Clean shutdown of several hosts at once, the hard way after a while.
hosts_poweroff() {
  local name leader deadline=$((SECONDS + 20))
  for name; do
    if leader=$(host_leader "$name"); then kill -s SIGRTMIN+4 "$leader"; fi
  done
  for name; do
    while host_alive "$name" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    if host_alive "$name"; then say "$name does not shut down: stopping it hard"; fi
    host_kill "$name"
  done
}

host_wipe() { rm -rf --one-file-system -- "$HIKAE_LAB/hosts/$1/disk" "$HIKAE_LAB/hosts/$1/disk.img"; }
