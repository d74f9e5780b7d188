# shellcheck shell=bash
# The controller's key, and config and known_hosts that reach every host. The
# hosts' own keys are made once and laid into their layers, so a reset or a
# rebuilt layer does not change who a host is.

ssh_make() {
  local dir=$HIKAE_LAB/ssh name kind
  mkdir -p "$dir"
  [ -f "$dir/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C controller@lab -f "$dir/id_ed25519"
  for name in "${HOSTS[@]}"; do
    mkdir -p "$dir/hosts/$name"
    for kind in ed25519 ecdsa rsa; do
      [ -f "$dir/hosts/$name/ssh_host_${kind}_key" ] || ssh-keygen -q -t "$kind" -N '' \
        -C "root@${HOST_FQDN[$name]}" -f "$dir/hosts/$name/ssh_host_${kind}_key"
    done
  done
  for name in "${HOSTS[@]}"; do
    printf '%s,10.98.0.%s,fd98::%s %s\n' "$name" "${HOST_NUMBER[$name]}" "${HOST_NUMBER[$name]}" \
      "$(cut -d' ' -f1,2 "$dir/hosts/$name/ssh_host_ed25519_key.pub")"
  done >"$dir/known_hosts"
  for name in "${HOSTS[@]}"; do
    printf 'Host %s\n  HostName 10.98.0.%s\n\n' "$name" "${HOST_NUMBER[$name]}"
  done >"$dir/config"
  cat >>"$dir/config" <<END
Host *
  User root
  IdentityFile $dir/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $dir/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  ConnectTimeout 10
END
}
