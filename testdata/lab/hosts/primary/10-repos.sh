# shellcheck shell=bash
# Repositories, as an administrator adds them: release packages where there are
# some, a file fetched by hand with its key where there is none.
source ../common/functions.sh

edit /etc/dnf/dnf.conf '$a keepcache=1' '$a exclude=kernel-debug*'

dnf -y -q install "$(rpm_url "$LAB_REPOS/epel" epel-release)"
dnf -y -q install "$(rpm_url "$LAB_REPOS/remi-safe" remi-release)"

# Plex's own: no release package, a file from its site (unowned) and its key.
wget -q -O /etc/yum.repos.d/plex.repo "$LAB_REPOS/vendor/plex.repo"
rpm --import "$LAB_REPOS/vendor/PlexSign.key"

dnf -y -q module enable php:7.2 redis:6
