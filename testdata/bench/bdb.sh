# shellcheck shell=bash
# EL 8's rpm database: 800 packages in Berkeley DB, in the standby's place of
# its own. What hikae adds to a bare ssh is counted by pairs of runs.

run_bdb_ssh()  { on standby true; }
run_bdb_warm() { hikae plan bdb --detailed-exitcode; }
run_bdb_cold() { hikae plan bdb --detailed-exitcode; }
before_bdb_cold() { rm -f "$project/states/.store/stamps/bdb"; }

el8_packages
alternate "$runs" bdb_ssh bdb_warm bdb_cold
limited "plan of a host with $packages packages in Berkeley DB, beyond a bare ssh, stamps warm" "$(printf %.0f "$(beyond bdb_warm bdb_ssh)")" ms 100
limited "the same, stamps cold" "$(printf %.0f "$(beyond bdb_cold bdb_ssh)")" ms 400
