# shellcheck shell=bash
# 100 changed files, each with an owner, a mode, an ACL and a label. Every run
# goes from the state that it finds to the other one, so that all of them do
# the same and nothing has to be put back between them.

side=a # what stands there
other()    { if [[ $side == a ]]; then echo b; else echo a; fi; }
apply_by() { local to; to=$(other); "$@" "$to" && side=$to; }

hikae_to()   { hikae apply primary --from "primary@${generation[$1]}" --yes; grep -q ' 100 changes applied' "$work/out"; }
tar_to()     { tar -C "$work/tree/$1" --numeric-owner --acls --selinux --xattrs -cf - . | on primary tar -C "$TREE" --numeric-owner --acls --selinux --xattrs -xpf -; }
plain_to()   { ansible_run apply "$1"; changed 1; }
mitogen_to() { mitogen_run apply "$1"; changed 1; }
whole_to()   { mitogen_run site "$1"; changed 1; }
changed()    { grep -q "ok=.* changed=$1 .*failed=0" "$work/out"; }

run_apply()         { apply_by hikae_to; }
run_tar()           { apply_by tar_to; }
run_plain_files()   { apply_by plain_to; }
run_mitogen_files() { apply_by mitogen_to; }
run_mitogen_whole() { apply_by whole_to; }

declare -A generation
for s in b a; do
  lay $s
  hikae snapshot primary >/dev/null
  generation[$s]=$(ls "$project/states/.store/generations/primary" | tail -n 1)
done
alternate "$runs" apply tar mitogen_whole plain_files mitogen_files

compared "apply of 100 changed files, the host planned before and read again after" apply "Ansible with mitogen: its 180 resources, 100 files changed" mitogen_whole 10
compared "the same" apply 'tar over ssh of the same files, nothing checked' tar 0.5
compared "the same" apply "Ansible without mitogen: the one rsync task, nothing else looked at" plain_files -
compared "the same" apply "Ansible with mitogen: the one rsync task, nothing else looked at" mitogen_files -
lay a
