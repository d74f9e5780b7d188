# shellcheck shell=bash
# A tree of small files, and one of a big file, from the primary to the standby
# by a controller on the standby: beside rsync over ssh, which has no more to do
# than that. And the same once more, where nothing is to be done.

mfiles=${MIRROR_FILES:-100000} mmib=${MIRROR_MIB:-2048}
readonly MIRROR=/srv/bench-mirror MBIG=/srv/bench-mirror-big MHOME=/root/bench-mirror

# there CMD...: on the standby, which reaches the primary by the lab's key
there() { inside standby env HIKAE_SSH_CONFIG=$MHOME/ssh-config "$@"; }
by_rsync()  { there rsync -aAXH --delete -e "ssh -F $MHOME/ssh-config" "primary:$1/" "$1/"; }
by_hikae()  { there $MHOME/hikae -C "$MHOME/$1" mirror standby; }
forget()    { inside standby sh -c "rm -rf $MIRROR $MBIG /srv/.hikae-versions/bench-mirror* /var/lib/hikae/mirror $MHOME/small/states $MHOME/big/states"; }

run_small_rsync()    { by_rsync "$MIRROR"; }
run_small_hikae()    { by_hikae small; }
run_big_rsync()      { by_rsync "$MBIG"; }
run_big_hikae()      { by_hikae big; }
run_noop_rsync()     { by_rsync "$MIRROR"; }
run_noop_hikae()     { by_hikae small; grep -q ' 0 changes' "$work/out"; }
before_small_rsync() { forget; }
before_small_hikae() { forget; }
before_big_rsync()   { forget; }
before_big_hikae()   { forget; }

mirror_home() {
  local t
  inside standby sh -c "rm -rf $MHOME && mkdir -p $MHOME/small $MHOME/big"
  on standby "cat >$MHOME/hikae && chmod 755 $MHOME/hikae" <bin/hikae
  on standby "cat >$MHOME/key && chmod 600 $MHOME/key" <"$HIKAE_LAB/ssh/id_ed25519"
  on standby "cat >$MHOME/known_hosts" <"$HIKAE_LAB/ssh/known_hosts"
  sed "s|IdentityFile .*|IdentityFile $MHOME/key|; s|UserKnownHostsFile .*|UserKnownHostsFile $MHOME/known_hosts|" "$HIKAE_LAB/ssh/config" | on standby "cat >$MHOME/ssh-config"
  for t in "small $MIRROR" "big $MBIG"; do
    on standby "cat >$MHOME/${t% *}/hikae.hcl && cd $MHOME && ./hikae -C ${t% *} init >/dev/null" <<END
host "primary" { ssh = "root@primary" }
host "standby" { local = true }
pair "bench" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary
  mirror "${t#* }" {}
}
END
  done
}

# mirror_trees makes the primary's trees: 1,000 files a directory of ten, 200 to
# 2,200 bytes each, and the big file.
mirror_trees() {
  inside primary sh -c "rm -rf $MIRROR $MBIG && mkdir -p $MIRROR $MBIG"
  on primary /usr/libexec/platform-python - "$MIRROR" "$mfiles" <<'END'
import os, sys
root, n = sys.argv[1], int(sys.argv[2])
for i in range(n):
    d = "%s/%d/%d" % (root, i // 1000, i // 100 % 10)
    if i % 100 == 0:
        os.makedirs(d)
    with open("%s/file-%d" % (d, i), "wb") as f:
        f.write(b"%d " % i * (30 + i % 300))
END
  inside primary dd if=/dev/urandom of="$MBIG/file" bs=1M count="$mmib" status=none
}

mirror_home
mirror_trees
alternate "$few" small_hikae small_rsync
alternate "$runs" noop_hikae noop_rsync
alternate "$few" big_hikae big_rsync
compared "first copy of $mfiles small files by a mirror, controller on the standby" small_hikae '`rsync -aAXH` over ssh of the same' small_rsync 0.87
compared "audit of the same, nothing to do: dialled, both sides read and compared" noop_hikae '`rsync -aAXH` over ssh of the same' noop_rsync 1
compared "first copy of a file of $mmib MiB by a mirror" big_hikae '`rsync -aAXH` over ssh of the same' big_rsync 0.87
forget
inside standby rm -rf "$MHOME"
inside primary rm -rf "$MIRROR" "$MBIG"
