#!/usr/bin/env bash
# make bench: figures in one run, beside what one would use instead. Prints
# docs/performance.md; what it does meanwhile it tells on standard error.
#
#   RUNS=5        counted runs of each, after one that is not
#   PARTS="..."   only these of: plan snapshot apply hundred bigfile mirror bdb memory watch
#   BIG_MIB=2048  the size of the big file
#
# Each part is a file in bench/. They share the lab's hosts, which are put back
# to what they were built as at the end.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-5}
few=$(((runs + 1) / 2)) # of what takes long
parts=${PARTS:-plan snapshot apply hundred bigfile mirror bdb memory watch}
work=$(mktemp -d /var/tmp/hikae-bench.XXXXXX)
project=$work/house
for f in lib hosts ansible report; do
  # shellcheck source=/dev/null
  source "testdata/bench/$f.sh"
done
trap unmake EXIT
trap 'say "failed: $BASH_SOURCE:$LINENO: $BASH_COMMAND"' ERR

started=$SECONDS
install_tools
find_mitogen
$lab down >&2 # whatever runs there
$lab build >&2
$lab up primary standby >&2
$lab reset primary standby >&2
new_project
trees
resources
: >"$work/compared" >"$work/limited"
for part in $parts; do
  say "== $part"
  # shellcheck source=/dev/null
  source "testdata/bench/$part.sh"
done
report
say "took $((SECONDS - started)) s"
