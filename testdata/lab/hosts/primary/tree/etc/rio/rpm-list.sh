#!/bin/bash
# The rpmdb can be lost with the disk: keep a list beside the backups.
set -euo pipefail
mkdir -p /var/log/rpmstore
rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\n' | sort >/var/log/rpmstore/rpm-list.new
mv /var/log/rpmstore/rpm-list.new "/var/log/rpmstore/rpm-list"
