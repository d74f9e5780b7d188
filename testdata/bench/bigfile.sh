# shellcheck shell=bash
# A file of 2 GB, to the host and from it.

bytes=$((${BIG_MIB:-2048} << 20))

run_cat_to()     { cat "$work/big" | on standby "cat >$BIG"; }
run_cat_from()   { on standby "cat $BIG" >"$work/copy"; }
run_big_to()     { hikae apply big --from "big@$with" --yes; grep -q ' 1 changes applied' "$work/out"; }
run_big_from()   { hikae snapshot big; }

before_cat_to()   { inside standby rm -f "$BIG"; }
before_cat_from() { rm -f "$work/copy"; inside standby ls "$BIG"; }
before_big_to()   { inside standby rm -f "$BIG"; }
before_big_from() { # a host that was never read, with a file that no one has
  rm -rf "$project"/states/big "$project"/states/.store/{generations,stamps,undo,base}/big
  rm -f "$project/states/.store/blobs/${sum:0:2}/$sum"
}

head -c "$bytes" /dev/urandom >"$work/big"
sum=$(sha256sum <"$work/big" | cut -d' ' -f1)
inside standby mkdir -p "${BIG%/*}"
inside standby sh -c "cat >$BIG" <"$work/big"
alternate "$few" cat_from big_from
with=$(ls "$project/states/.store/generations/big" | tail -n 1)
alternate "$few" cat_to big_to

mib=$((bytes >> 20))
compared "apply of a file of $mib MiB, synced, read again" big_to '`cat | ssh` of the same' cat_to 0.8
compared "snapshot with a file of $mib MiB" big_from '`ssh cat` of the same' cat_from 0.8
rm -f "$work/copy"
