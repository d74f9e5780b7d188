#!/bin/bash
# Which configuration files differ from their packages' own.
rpm -Va --nomtime 2>/dev/null | awk '$2 == "c" { print $3 }' >"${1:-/var/log/rpmstore/changed-configs}"
