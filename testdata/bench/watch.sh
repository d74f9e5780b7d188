# shellcheck shell=bash
# From a change on the primary to the standby: hikae watch, a service of the
# standby that follows all of the house; beside it lsyncd, from the primary, of
# a tree that hikae does not follow. Both run all the time and are measured in
# turn. bench/lag times it on this machine's clock, below the hosts' roots.

readonly HOME_THERE=/var/lib/hikae/home ROOTS=$HIKAE_LAB/hosts
readonly CONF=/etc/lag.d DATA=/srv/lag ZONES=/var/named/internal

# lag NAME DIR OPTION...: time changes below DIR; t.NAME has seconds, and
# t.NAME_first those of lag's first column
lag() {
  local name=$1 dir=$2; shift 2
  "$work/lag" -stage "$ROOTS/primary/root/var/tmp" "$@" "$ROOTS/primary/root$dir" "$ROOTS/standby/root$dir" |
    awk -v first="$work/t.${name}_first" '{print $NF / 1000; print $1 / 1000 >>first}' >>"$work/t.$name"
  say "$name: $(wc -l <"$work/t.$name") rounds"
}

# percentile P NAME, and the same in ms
percentile() { sort -n "$work/t.$2" | awk -v p="$1" '{a[NR] = $1} END {i = int(NR * p / 100 + 0.999); print a[i < 1 ? 1 : i]}'; }
in_ms()      { awk -v s="$(percentile "$1" "$2")" 'BEGIN {printf "%.0f", s * 1000}'; }

# key_there lets the standby into the primary, and the primary into the standby.
keys_there() {
  local from to
  ssh-keygen -q -t ed25519 -N '' -f "$work/key"
  for from in primary standby; do
    inside $from sh -c 'mkdir -p -m 700 /root/.ssh; umask 077; cat >/root/.ssh/id_ed25519' <"$work/key"
    inside $from sh -c 'cat >/root/.ssh/known_hosts' <"$HIKAE_LAB/ssh/known_hosts"
    inside $from sh -c 'cat >>/root/.ssh/authorized_keys' <"$work/key.pub"
  done
}

lsyncd_with() { # lsyncd_with [DELAY]
  inside primary sh -c "mkdir -p $DATA && cat >/etc/lsyncd.conf" <<END
settings { logfile = "/var/log/lsyncd.log", nodaemon = true }
sync {
  default.rsyncssh, source = "$DATA", host = "10.98.0.12", targetdir = "$DATA",
  ${1:+delay = $1,}
  rsync = { archive = true, acls = true, xattrs = true },
}
END
  inside standby mkdir -p "$DATA"
  inside primary sh -c 'rm -f /var/log/lsyncd.log && systemctl restart lsyncd' # what the log says is of this start
  inside primary sh -c 'until grep -q "Startup of.*finished: 0" /var/log/lsyncd.log; do sleep 0.1; done'
}

# watch_there has the standby follow the primary, as an administrator would.
watch_there() {
  inside standby sh -c 'cat >/usr/bin/hikae && chmod 755 /usr/bin/hikae' <bin/hikae
  inside standby mkdir -p "$HOME_THERE/rpms"
  tar -C testdata/home -cf - . | inside standby tar -C "$HOME_THERE" -xf - --no-same-owner
  for rpm in localrpms/house-tools repos/epel/epel-release repos/remi-safe/remi-release; do
    cat "$HIKAE_LAB/$rpm"-*.rpm | inside standby sh -c "cat >$HOME_THERE/rpms/$(basename "$HIKAE_LAB/$rpm"-*.rpm)"
  done
  inside standby sed -i "s|root@primary|root@10.98.0.11|; s|^host \"standby\".*|host \"standby\" { local = true }|; s|, \"/srv\"||" "$HOME_THERE/hikae.hcl"
  inside standby hikae -C "$HOME_THERE" init >&2
  inside standby hikae -C "$HOME_THERE" snapshot primary >&2
  inside standby hikae -C "$HOME_THERE" apply standby --yes >"$work/out" || { tail "$work/out" >&2; return 1; }
  inside standby sh -c "hikae -C $HOME_THERE watch --print-unit >/etc/systemd/system/hikae-watch.service && systemctl daemon-reload && systemctl enable -q --now hikae-watch"
  in_step
}
in_step() { inside standby sh -c "until hikae -C $HOME_THERE status standby --behind 1s >/dev/null 2>&1; do sleep 0.2; done"; }

# there_after install|remove: seconds from the end of dnf on the primary until the
# package is there, or gone, on the standby
there_after() {
  local from to
  inside primary dnf -y -q "$1" ipcalc >"$work/out" 2>&1
  from=$EPOCHREALTIME
  # shellcheck disable=SC2016
  inside standby sh -c 'until { rpm -q ipcalc >/dev/null && echo install || echo remove; } | grep -qx "$1"; do sleep 0.05; done' sh "$1"
  to=$EPOCHREALTIME
  awk "BEGIN {print $to - $from}" >>"$work/t.watch_$1"
  in_step
}

go build -o "$work/lag" ./testdata/bench/lag
$lab reset primary standby >&2
inside primary mkdir -p "$CONF"
keys_there
watch_there
lsyncd_with 0
rm -f "$work"/t.{lsyncd,watch}*
for ((round = 0; round < 4; round++)); do
  lag lsyncd "$DATA" -rounds 30
  lag watch "$CONF" -rounds 30
done
for ((round = 0; round < runs; round++)); do
  lag lsyncd_burst "$DATA" -burst 200 -rounds 1
  lag watch_burst "$CONF" -burst 200 -rounds 1
done
lag watch_httpd /etc/httpd/conf.d -name lag.conf -text 'Redirect 301 /lag http://round-%d.example/
' -ask http://10.98.0.12:8080/lag -files 1 -rounds 40 -gap 1s
inside primary sh -c "cat >>/etc/named/internal.zones" <<'END'
zone "lag.example" { type master; file "internal/lag.zone"; };
END
lag watch_named "$ZONES" -name lag.zone -text '$TTL 60
@ SOA ns.lag.example. root.lag.example. %d 3600 600 86400 60
@ NS ns
ns A 10.98.0.11
@ TXT "round-%d"
' -ask dns://10.98.0.12/lag.example -files 1 -rounds 40 -gap 1s
in_step
for ((round = 0; round < runs; round++)); do there_after install; there_after remove; done
lsyncd_with
lag lsyncd_default "$DATA" -files 1 -rounds 3

times() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN {print a / b}'; }
percentile 95 lsyncd >"$work/t.lsyncd95"; percentile 95 watch >"$work/t.watch95"
compared "a file renamed into its place on the primary, until its content is on the standby" watch "lsyncd at its smallest delay, 0 s" lsyncd 5 "$(times lsyncd watch)"
compared "the same, the 95th percentile" watch95 "the same" lsyncd95 5
compared "the same" watch "lsyncd at its default delay" lsyncd_default - "$(times lsyncd_default watch)"
compared "200 files at once, until the last is there" watch_burst "lsyncd at delay 0 s" lsyncd_burst -
limited "a change on the standby, median" "$(in_ms 50 watch)" ms 40
limited "a change on the standby, the 95th percentile" "$(in_ms 95 watch)" ms 100
limited "a change of httpd's configuration, checked and in its place, the 95th percentile" "$(in_ms 95 watch_httpd_first)" ms 400
limited "a change of httpd's configuration, until httpd answers by it, the 95th percentile" "$(in_ms 95 watch_httpd)" ms 400
limited "a change of a zone, until named answers by it, the 95th percentile" "$(in_ms 95 watch_named)" ms 400
limited "200 changes at once, until the last is there" "$(in_ms 50 watch_burst)" ms 500
limited "a package of dnf's on the standby, after dnf on the primary has ended" "$(printf %.1f "$(median watch_install)")" s 3
