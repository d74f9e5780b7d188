# The second: the files below /etc that no package owns, one rpm for each.
find /etc -type f | while read -r file; do LC_ALL=C rpm -qf "$file"; done |
  grep 'is not owned by any package' | awk '{print $2}' | sort | wc -l
