# shellcheck shell=bash
# Snapshots. A full one has the packages' own bytes and nothing else: no
# generation, no stamps, no content that was changed on the host.

run_seed()      { on primary bash -s <testdata/bench/seed-patches.sh && on primary bash -s <testdata/bench/seed-unowned.sh; }
run_facts()     { on primary bash -s <testdata/bench/facts.sh; }
run_full()      { hikae snapshot primary; }
run_unchanged() { hikae snapshot primary; }

# What a store was is moved aside, not deleted: ext4 without a journal does not use an inode
# again for minutes after its file has gone, and passes over each of them for every new file.
before_full()      { mv "$project/states" "$(mktemp -d "$work/old.XXXX")"; cp -a "$work/pristine" "$project/states"; }
before_unchanged() { hikae snapshot primary; }

# keep_pristine makes what the store holds once a host was read and all but the packages'
# own bytes is forgotten.
keep_pristine() {
  local blobs=.store/blobs
  hikae snapshot primary >/dev/null
  mkdir "$work/pristine"
  tar -C "$project/states" --exclude={./primary,"./$blobs",./.store/{generations,stamps,undo,base}} -cf - . | tar -C "$work/pristine" -xf -
  mkdir -m 700 "$work/pristine/$blobs"
  grep -oE '[0-9a-f]{64}' "$project/states/primary/pristine.lock" | sort -u |
    sed "s|^..|$blobs/&/&|" >"$work/names"
  tar -C "$project/states" --ignore-failed-read -T "$work/names" -cf - 2>/dev/null | tar -C "$work/pristine" -xf -
}

keep_pristine
alternate "$runs" full facts unchanged ssh
alternate "$(((runs + 1) / 2))" full seed

compared "full snapshot, the packages' own bytes known" full "the seed's two scripts" seed 20
compared "the same" full "a plain script that gathers the same facts, no bytes" facts 0.5
compared "snapshot, nothing changed" unchanged 'full snapshot; what a bare `ssh host true` takes is taken off both' full 2 "$(faster_beyond unchanged full ssh)"
