# shellcheck shell=bash
# The most memory that the agent and the controller have held (ru_maxrss), as
# the kernel tells whoever waits for them: the agent is started by a wrapper.

readonly WRAPPER='import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "a") as f: f.write("%d\n" % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)'

# peak WHAT CMD...: run the controller and print its peak and the agent's, in MiB
peak() {
  rm -f "$work/rss"
  inside standby rm -f /run/hikae-rss
  /usr/bin/python3 -c "$WRAPPER" "$work/rss" "${@:2}" >"$work/out" 2>&1 || { tail "$work/out" >&2; return 1; }
  # The agent may outlive its controller for a moment.
  inside standby sh -c 'for i in $(seq 100); do [ -s /run/hikae-rss ] && exit; sleep 0.1; done; exit 1'
  limited "agent: $1" "$(inside standby sort -n /run/hikae-rss | in_mib)" MiB 64
  limited "controller: $1" "$(in_mib <"$work/rss")" MiB 128
}
in_mib() { tail -n 1 | awk '{printf "%.1f", $1 / 1024}'; }

# An agent that is installed is started from there when none is in the cache.
inside standby sh -c 'rm -rf /var/lib/hikae/bin /var/cache/hikae; mkdir -p /opt/bench; cat >/opt/bench/hikae; chmod 755 /opt/bench/hikae' <bin/hikae
inside standby sh -c 'cat >/opt/bench/wrapper.py' <<<"$WRAPPER"
inside standby sh -c 'cat >/usr/bin/hikae; chmod 755 /usr/bin/hikae' <<'END'
#!/bin/sh
exec /usr/bin/python3 /opt/bench/wrapper.py /run/hikae-rss /opt/bench/hikae "$@"
END

peak_bdb() { rm -f "$project/states/.store/stamps/bdb"; peak "plan, stamps cold, $packages packages in Berkeley DB" bin/hikae -C "$project" plan bdb; }
peak_big() {
  before_big_from; peak "snapshot with a file of $mib MiB" bin/hikae -C "$project" snapshot big
  with=$(ls "$project/states/.store/generations/big" | tail -n 1)
  before_big_to; peak "apply of a file of $mib MiB" bin/hikae -C "$project" apply big --from "big@$with" --yes
}
el8_packages
big_file
peak_bdb
peak_big
