#!/bin/bash
# Write firewalld's drop zone from the table of spam senders in one go: adding
# addresses one by one took minutes.
set -euo pipefail
zone=/etc/firewalld/zones/drop.xml
new=$(mktemp "$zone.XXXXXX")
trap 'rm -f "$new"' EXIT
{
  printf '<?xml version="1.0" encoding="utf-8"?>\n<zone target="DROP">\n  <short>Drop</short>\n'
  cd / && runuser -u postgres -- psql -qAt -d firewall -c 'SELECT address FROM spam_senders ORDER BY address' |
    sed 's|.*|  <source address="&"/>|'
  printf '</zone>\n'
} >"$new"
chmod 644 "$new"
cmp -s "$new" "$zone" && exit
mv "$new" "$zone"
trap - EXIT
firewall-cmd -q --reload
