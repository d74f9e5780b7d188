# shellcheck shell=bash
# Nothing to do: hikae's plan of the whole primary beside Ansible's run over a
# part of it.

run_plan()        { hikae plan primary --detailed-exitcode; }
run_plain()       { ansible_run site a; changes_nothing; }
run_mitogen()     { mitogen_run site a; changes_nothing; }
changes_nothing() { grep -q 'ok=.* changed=0 .*failed=0' "$work/out"; }

lay a
hikae snapshot primary >/dev/null
alternate "$runs" ssh plan mitogen plain

compared "plan of the whole primary, nothing to do" plan "Ansible with mitogen: 180 resources, nothing to do" mitogen 10
compared "the same" plan "Ansible without: the same 180" plain 30
compared "the same" plan 'a bare `ssh host true`' ssh -
