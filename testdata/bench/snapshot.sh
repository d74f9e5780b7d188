# shellcheck shell=bash
# Snapshots. A full one has the packages' own bytes and nothing else: no
# generation, no stamps, no content that was changed on the host.

run_seed()      { on primary bash -s <testdata/bench/seed-patches.sh && on primary bash -s <testdata/bench/seed-unowned.sh; }
run_facts()     { on primary bash -s <testdata/bench/facts.sh; }
run_full()      { hikae snapshot primary; }
run_unchanged() { hikae snapshot primary; }

before_full()      { rm -rf "$project/states"; cp -a "$work/pristine" "$project/states"; }
before_unchanged() { hikae snapshot primary; }

# What the store holds once a host was read and all but the packages' own bytes
# is forgotten.
keep_pristine() {
  rm -rf "$work/pristine"
  hikae snapshot primary >/dev/null
  cp -a "$project/states" "$work/pristine"
  rm -rf "$work"/pristine/primary "$work"/pristine/.store/{generations,stamps,undo,base}
  grep -oE '[0-9a-f]{64}' "$project/states/primary/pristine.lock" | sort -u >"$work/names"
  (cd "$work/pristine/.store/blobs" && find . -type f | while read -r f; do
    grep -qxF "$(basename "$f")" "$work/names" || rm -f "$f"
  done)
}

keep_pristine
alternate "$runs" full facts unchanged ssh
alternate "$(((runs + 1) / 2))" full seed

compared "full snapshot, the packages' own bytes known" full "the seed's two scripts" seed 20
compared "the same" full "a plain script that gathers the same facts, no bytes" facts 0.5
compared "snapshot, nothing changed" unchanged 'full snapshot; what a bare `ssh host true` takes is taken off both' full 2 "$(faster_beyond unchanged full ssh)"
