# shellcheck shell=bash
# Building: the images by image/build, then each host's layer. A layer is what
# the host's set-up scripts wrote above base, run inside the booted host with
# the real repositories, so that rpmdb and dnf's history are true.

readonly BUILD_TIMEOUT=600

# All that a host's layer is made from, as one hash.
layer_key() { # HOST
  {
    cd "$LAB_DIR/hosts"
    find common "$1" \( -type f -o -type l \) -print0 | sort -z | xargs -0 sha256sum
    find common "$1" -printf '%p %y %m %l\n' | sort
    sha256sum <"$LAB_DIR/lib/build.sh"
    cd "$HIKAE_LAB"
    stat -c '%i %W' base
    cat cache/done 2>/dev/null || true
    find repos -name repomd.xml -print0 2>/dev/null | sort -z | xargs -0 -r sha256sum
    cat ssh/id_ed25519.pub "ssh/hosts/$1"/*.pub
  } | sha256sum | cut -d' ' -f1
}

cmd_build() {
  need_hosts 0 4 "$@"; lock
  mkdir -p "$HIKAE_LAB/log" "$HIKAE_LAB/run" "$HIKAE_LAB/layers"
  install_tools; check_machine
  local began=$SECONDS name stale=() pids=() failed=
  # KEEP_IMAGES=1, while working on the hosts: take base and repos as they are.
  if [ -z "${KEEP_IMAGES:-}" ]; then
    "$LAB_DIR/image/build" 9>&- || die "the images could not be built"
  fi
  [ -d "$HIKAE_LAB/base/usr" ] || die "there is no $HIKAE_LAB/base"
  ssh_make
  [ $# -gt 0 ] || set -- "${HOSTS[@]}"
  for name; do
    if built "$name" && [ "$(<"$HIKAE_LAB/layers/$name/key")" = "$(layer_key "$name")" ]; then
      say "$name: built already"
    else
      stale+=("$name")
    fi
  done
  [ ${#stale[@]} -gt 0 ] || return 0
  for name in "${HOSTS[@]}"; do
    ! host_alive "$name" || die "$name is running: '$0 down' before building anew"
  done
  net_up; repo_server_start
  for name in "${stale[@]}"; do
    layer_build "$name" >"$HIKAE_LAB/log/build-$name.log" 2>&1 &
    pids+=($!)
  done
  local i
  for i in "${!stale[@]}"; do
    name=${stale[$i]}
    if wait "${pids[$i]}"; then
      say "$name: built in $(<"$HIKAE_LAB/run/$name/took") s"
    else
      failed=1
      say "$name: failed; the end of $HIKAE_LAB/log/build-$name.log:"
      tail -n 20 "$HIKAE_LAB/log/build-$name.log" >&2
    fi
  done
  repo_server_stop; net_down
  [ -z "$failed" ] || exit 1
  say "built in $((SECONDS - began)) s"
}

layer_build() { # HOST
  set -euo pipefail
  local name=$1 new=$HIKAE_LAB/layers/$1.new key script began=$SECONDS
  # shellcheck disable=SC2064
  trap "host_kill '$name'; rm -rf --one-file-system '$new'" EXIT
  key=$(layer_key "$name")
  host_kill "$name"; host_wipe "$name"
  rm -rf --one-file-system "$new"; mkdir -p "$new"
  host_mount "$name"
  "$LAB_DIR/hosts/common/identity" "$name" "${HOST_FQDN[$name]}" "${HOST_NUMBER[$name]}" "$(host_root "$name")"
  host_start "$name"; hosts_wait "$name"
  # The set-up lies on a tmpfs and is gone with the first shutdown.
  tar -C "$LAB_DIR/hosts" -cf - common "$name" | host_exec "$name" sh -c 'mkdir /run/lab && tar -C /run/lab -xf - --no-same-owner'
  if [ -d "$HIKAE_LAB/localrpms" ]; then
    tar -C "$HIKAE_LAB" -cf - localrpms | host_exec "$name" tar -C /run/lab -xf - --no-same-owner
  fi
  for script in "$LAB_DIR"/hosts/common/[0-9]*.sh "$LAB_DIR/hosts/$name"/[0-9]*.sh; do
    [ -f "$script" ] || continue
    script=${script#"$LAB_DIR/hosts/"}
    echo "== $script ($((SECONDS - began)) s)"
    timeout "$BUILD_TIMEOUT" "$LAB_DIR/lab" exec "$name" -- env LAB_HOST="$name" LAB_REPOS="http://10.98.0.1:$REPO_PORT" \
      sh -c 'cd "/run/lab/$1" && exec bash -euo pipefail "/run/lab/$2"' sh "${script%/*}" "$script" </dev/null 9>&- ||
      { echo "$script failed"; exit 1; }
  done
  echo "== shut down ($((SECONDS - began)) s)"
  hosts_poweroff "$name"
  trap - EXIT
  rm -rf --one-file-system "$new/work" "$HIKAE_LAB/layers/$name"
  echo "$key" >"$new/key"
  mv "$new" "$HIKAE_LAB/layers/$name"
  echo $((SECONDS - began)) >"$(run_dir "$name")/took"
}
