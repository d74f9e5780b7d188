#!/usr/bin/env bash
# make test: vet, unit tests, and the tests on the lab's hosts. Where the lab
# cannot run it says which tests did not run; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}

say() { printf '== %s\n' "$*"; }
need() { # need PROGRAM PACKAGE: programs that unit tests hold hikae against
  command -v "$1" >/dev/null || missing+=("$2")
}

missing=()
need rpm rpm
need rpmbuild rpm
need dnf dnf
need createrepo_c createrepo-c
need sshd openssh-server
need sudo sudo
need setfacl acl
need setfattr attr
need setcap libcap2-bin
need python3 python3
if ((${#missing[@]})) && command -v apt-get >/dev/null && [[ $(id -u) = 0 ]]; then
  say "installing with apt-get: ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

if [[ $what = all ]]; then
  say "vet and unit tests"
  go vet ./...
  HIKAE_TEST_DOCS=1 go test ./...
fi

lab=testdata/lab/lab
say "lab"
rc=0
$lab build || rc=$?
if ((rc == 3)); then
  say "the lab cannot run here: the tests of cmd/hikae named TestLab* did not run"
  [[ ${CI:-} != true ]] || exit 1
  exit 0
fi
((rc == 0)) || exit "$rc"
down() { $lab down || true; }
trap down EXIT
$lab up
if [[ $what = soak ]]; then
  HIKAE_TEST_DIRS=200000 go test ./hosts/inotify -run '^Test(ManyDirectories|NothingIsMissed.*)$' -rapid.checks="${HIKAE_WATCH_CHECKS:-2000}" -count=1 -timeout 1h -v
  HIKAE_KILL_POINTS=${HIKAE_KILL_POINTS:-950} HIKAE_KILL_POWER=${HIKAE_KILL_POWER:-50} HIKAE_CUT_POINTS=${HIKAE_CUT_POINTS:-200} HIKAE_CHAOS_SECONDS=${HIKAE_CHAOS_SECONDS:-600} \
    HIKAE_TEST_LAB=1 go test ./cmd/hikae -run '^TestLab(Kill|LinkCut|Chaos)$' -count=1 -timeout 12h -v
  exit
fi
HIKAE_TEST_LAB=1 go test -p 1 ./cmd/hikae ./modules/... -run '^TestLab' -count=1 -timeout 25m -v
