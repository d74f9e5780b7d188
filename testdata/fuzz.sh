#!/bin/sh
# fuzz.sh TIME [PACKAGE...]: every fuzz target of the packages (all, if none is
# named), one after the other, TIME each. What one finds lies in its package's
# testdata/fuzz, where `go test` runs it from then on.
# Minimising is cut short: go test counts no runs during it, which for a database
# of some pages is all of the time.
set -eu
cd "$(dirname "$0")/.."
time=${1:?how long, as 30s or 10m}
shift
[ $# -gt 0 ] || set -- $(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u)
failed=
for pkg; do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$pkg"/*_test.go); do
		echo "== $pkg $target"
		${GO:-go} test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x -parallel "${FUZZPARALLEL:-1}" || failed="$failed $pkg:$target"
	done
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
