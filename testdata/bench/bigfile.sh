# shellcheck shell=bash
# A file of 2 GB, to the host and from it.

run_cat_to()     { cat "$work/big" | on standby "cat >$BIG"; }
run_cat_from()   { on standby "cat $BIG" >"$work/copy"; }
run_big_to()     { hikae apply big --from "big@$with" --yes; grep -q ' 1 changes applied' "$work/out"; }
run_big_from()   { hikae snapshot big; }

before_cat_to()   { inside standby rm -f "$BIG"; }
before_cat_from() { rm -f "$work/copy"; inside standby ls "$BIG"; }
big_file
alternate "$few" cat_from big_from
with=$(ls "$project/states/.store/generations/big" | tail -n 1)
alternate "$few" cat_to big_to

compared "apply of a file of $mib MiB, synced, read again" big_to '`cat \| ssh` of the same' cat_to 0.8
compared "snapshot with a file of $mib MiB" big_from '`ssh cat` of the same' cat_from 0.8
rm -f "$work/copy"
