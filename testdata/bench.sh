#!/usr/bin/env bash
# make bench: figures in one run, beside what one would use instead. Prints a
# table in Markdown: docs/performance.md is this output.
#
#   RUNS=7       counted runs of each command, after one that is not; the median is printed
set -euo pipefail
cd "$(dirname "$0")/.."
lab=testdata/lab/lab
export HIKAE_LAB=${HIKAE_LAB:-/var/tmp/hikae-lab}
export HIKAE_SSH_CONFIG=$HIKAE_LAB/ssh/config
runs=${RUNS:-7}
work=$(mktemp -d)
cleanup() { rm -rf "$work"; $lab down >/dev/null 2>&1 || true; }
trap cleanup EXIT

if ! command -v ansible-playbook >/dev/null; then
  echo "installing with apt-get: ansible-core" >&2
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends ansible-core >/dev/null
fi
$lab build >&2
$lab up primary standby >&2

project=$work/house
mkdir -p "$project"
cp testdata/home/hikae.hcl "$project/" # plans of the primary need no local rpms
hikae() { bin/hikae -C "$project" "$@"; }
hikae init >/dev/null

# median CMD...: seconds, of $runs runs after one
median() {
  "$@" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; echo "FAILED: $*" >&2; return 1; }
  for ((i = 0; i < runs; i++)); do
    local t=$EPOCHREALTIME
    "$@" >/dev/null 2>&1
    echo "$EPOCHREALTIME $t"
  done | awk '{print $1 - $2}' | sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'
}

base=
row() { # row TEXT CMD...: one line, with the ratio to a bare ssh
  local text=$1 s; shift
  s=$(median "$@")
  [[ -n $base ]] || base=$s
  awk -v t="$text" -v s="$s" -v b="$base" 'BEGIN {printf "| %s | %.3f | %.1f |\n", t, s, s / b}'
}

ssh_true() { ssh -F "$HIKAE_SSH_CONFIG" primary true; }
cold_plan() { rm -rf "$project"/states/.store/stamps/*; hikae plan primary; }
ansible() { # ansible PIPELINING
  ANSIBLE_PIPELINING=$1 ANSIBLE_HOST_KEY_CHECKING=True ANSIBLE_SSH_ARGS="-F $HIKAE_SSH_CONFIG -o ControlMaster=auto -o ControlPersist=60s" \
    ansible-playbook -i primary, testdata/bench/same.yml
}

printf '# Performance\n\nWhat `make bench` printed: medians of %s runs after one that is not counted, in seconds,\n' "$runs"
printf 'on %s cores, hosts and controller on one machine.\n\n' "$(nproc)"
hikae snapshot primary >/dev/null
packages=$($lab exec primary -- sh -c 'rpm -qa | wc -l')
files=$($lab exec primary -- sh -c 'find /etc | wc -l')
printf 'The lab primary has %s packages and %s paths below /etc. The binary is %s bytes.\n\n' "$packages" "$files" "$(stat -c %s bin/hikae)"
printf '| what | seconds | times a bare ssh |\n| --- | ---: | ---: |\n'
row 'a fresh `ssh host true`' ssh_true
row 'hikae: plan of the whole primary, nothing to do, stamps warm' hikae plan primary
row 'hikae: the same, stamps cold' cold_plan
row 'hikae: snapshot, nothing changed' hikae snapshot primary
row 'Ansible, pipelining: 20 packages, 20 files, 10 services, 5 users, nothing to do' ansible True
