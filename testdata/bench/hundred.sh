# shellcheck shell=bash
# A hundred hosts: the lab's two that run, behind many names, each with a
# snapshot of its own.

run_hundred() {
  hikae plan 'many-*' --detailed-exitcode && return
  grep -v ': nothing to do$' "$work/out" >"$work/odd"; cat "$work/odd" >"$work/out" # what was to do, and where
  return 1
}
run_hundred_ssh() { # what the logins alone cost, as many at a time
  seq 100 | xargs -P 16 -I{} ssh -F "$HIKAE_SSH_CONFIG" "many-{}" true
}

hikae snapshot 'many-*' >/dev/null
alternate "$few" hundred hundred_ssh
compared "plan of 100 hosts (two of the lab under a hundred names), nothing to do" hundred '100 bare `ssh host true`, 16 at a time' hundred_ssh -
limited "plan of 100 hosts, nothing to do" "$(printf %.2f "$(median hundred)")" s 5
