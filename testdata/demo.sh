#!/usr/bin/env bash
# make demo: the main job, on the lab. A primary is read, a standby applied, a
# change follows; then the primary is stopped hard and a bare box becomes it,
# from the store alone. Ends with a timeline and cleans up.
set -euo pipefail
cd "$(dirname "$0")/.."
lab=testdata/lab/lab
export HIKAE_LAB=${HIKAE_LAB:-/var/tmp/hikae-lab}
export HIKAE_SSH_CONFIG=$HIKAE_LAB/ssh/config
project=$(mktemp -d)
timeline=()
start=$SECONDS

title() { # in bold on a terminal
  if [[ -t 1 ]]; then printf '\n\033[1m== %s\033[0m\n' "$1"; else printf '\n== %s\n' "$1"; fi
}
step() { # step TEXT CMD...: run it, and note how long it took
  local text=$1 began=$SECONDS; shift
  title "$text"
  "$@"
  timeline+=("$(printf '%4d s  (%3d s)  %s' $((SECONDS - start)) $((SECONDS - began)) "$text")")
}
hikae() { bin/hikae -C "$project" "$@"; }
cleanup() {
  rm -rf "$project"
  $lab down >/dev/null 2>&1 || true
}
trap cleanup EXIT

edit() {
  $lab exec primary -- sh -c 'echo "changed on the primary" >/etc/hikae-demo
    echo "MaxKeepAliveRequests 77" >>/etc/httpd/conf/httpd.conf'
}
follow() {
  edit
  hikae snapshot primary
  hikae apply standby --yes
  $lab exec standby -- grep -H 77 /etc/httpd/conf/httpd.conf
}
read_all() {
  cp testdata/home/*.hcl "$project"
  mkdir "$project/rpms"
  cp "$HIKAE_LAB"/localrpms/house-tools-*.rpm "$HIKAE_LAB"/repos/*/{epel,remi}-release-*.rpm "$project/rpms"
  hikae init
  hikae snapshot primary
}
plan() { hikae plan standby | { head -40; n=$(wc -l); echo "    ... $n more lines"; }; }

# end CMD...: the end of what a long command prints; the whole was seen above
end() { "$@" | tail -n 20; }

step "the lab is built (from nothing: minutes; again: seconds)" $lab build
start_all() { $lab up && $lab reset primary standby fresh; } # as they were built
step "four hosts start" start_all
step "the primary is read" read_all
step "the plan of the standby" plan
step "the standby is applied, its own state kept first" end hikae apply standby --yes
step "it serves as the primary does" testdata/lab/check standby web dns mail
step "a change on the primary follows" follow
step "the primary is stopped hard" $lab power primary off
step "a bare box is rebuilt from the store alone" end hikae rebuild fresh --from primary --yes
step "it serves: curl, dig, an IMAP login, a mail delivered" testdata/lab/check fresh web dns mail

title timeline
printf '%s\n' "${timeline[@]}"
