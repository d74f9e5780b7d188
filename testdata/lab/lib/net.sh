# shellcheck shell=bash
# The lab's network: one bridge on this machine, one network namespace per host
# that outlives the host's reboots, and a file server for the repositories.
# Nothing is forwarded and hosts have no default route: there is no way out.

readonly BRIDGE=hikae0 REPO_PORT=8098

netns() { echo "hikae-$(lab_id)-$1"; }

# The bridge's alias says whose it is. Its addresses are in the hosts'
# configuration, so there can be one lab per network namespace.
bridge_owner() { ip -d link show dev "$BRIDGE" 2>/dev/null | sed -n 's/^ *alias //p'; }

net_up() {
  if ip link show dev "$BRIDGE" >/dev/null 2>&1; then
    [ "$(bridge_owner)" = "$HIKAE_LAB" ] ||
      cannot "another lab is up on this machine: $(bridge_owner) (HIKAE_LAB=$(bridge_owner) $0 down)"
  else
    ip link add "$BRIDGE" type bridge forward_delay 0 stp_state 0 mcast_snooping 0
    ip link set "$BRIDGE" alias "$HIKAE_LAB"
    echo 0 >"/proc/sys/net/ipv6/conf/$BRIDGE/accept_ra"
    ip addr add 10.98.0.1/24 dev "$BRIDGE"
    ip addr add 10.98.0.2/24 dev "$BRIDGE"
    ip addr add fd98::1/64 dev "$BRIDGE" nodad
    # Deprecated: used as a source only when asked for (dig -b, curl --interface).
    ip addr add fd98::2/64 dev "$BRIDGE" nodad preferred_lft 0
    ip link set "$BRIDGE" up
  fi
  local name
  for name in "${HOSTS[@]}"; do link_make "$name"; done
}

link_make() { # HOST: its namespace and link, unless they are there
  local ns; ns=$(netns "$1")
  ip link show dev "ve-$1" >/dev/null 2>&1 && return
  ip netns del "$ns" 2>/dev/null || true
  ip netns add "$ns"
  ip link add "ve-$1" address "06:98:00:00:00:${HOST_NUMBER[$1]}" type veth \
    peer name host0 address "02:98:00:00:00:${HOST_NUMBER[$1]}" netns "$ns"
  ip link set "ve-$1" master "$BRIDGE"
  ip link set "ve-$1" up
  nsenter --net="/run/netns/$ns" sh -euc '
    for f in accept_ra accept_dad; do echo 0 >/proc/sys/net/ipv6/conf/host0/$f; done
    ip link set lo up
    ip addr add "10.98.0.$1/24" dev host0
    ip addr add "fd98::$1/64" dev host0 nodad
    ip link set host0 up' sh "${HOST_NUMBER[$1]}"
}

link_state() { # HOST -> up, cut or -
  case $(ip -o link show dev "ve-$1" 2>/dev/null) in
    '') echo - ;;
    *[,\<]UP[,\>]*) echo up ;;
    *) echo cut ;;
  esac
}

net_down() {
  local name
  [ "$(bridge_owner)" = "$HIKAE_LAB" ] || return 0
  for name in "${HOSTS[@]}"; do
    ip link del "ve-$name" 2>/dev/null || true
    ip netns del "$(netns "$name")" 2>/dev/null || true
  done
  ip link del "$BRIDGE"
}

repo_server_start() {
  local pidfile=$HIKAE_LAB/run/repo-server.pid
  proc_alive "$pidfile" && return
  mkdir -p "$HIKAE_LAB/run" "$HIKAE_LAB/log" "$HIKAE_LAB/repos"
  (
    cd / && exec setsid python3 -m http.server --bind 10.98.0.1 --directory "$HIKAE_LAB/repos" "$REPO_PORT"
  ) </dev/null >"$HIKAE_LAB/log/repo-server.log" 2>&1 9>&- &
  proc_id $! >"$pidfile"
  local try
  # shellcheck disable=SC2034
  for try in {1..50}; do
    (exec 3<>"/dev/tcp/10.98.0.1/$REPO_PORT") 2>/dev/null && return
    sleep 0.1
  done
  die "the repository server does not answer: $HIKAE_LAB/log/repo-server.log"
}

repo_server_stop() {
  local pidfile=$HIKAE_LAB/run/repo-server.pid id
  if proc_alive "$pidfile"; then id=$(<"$pidfile"); kill "${id% *}"; fi
  rm -f "$pidfile"
}
