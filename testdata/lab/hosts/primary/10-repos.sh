# shellcheck shell=bash
# Repositories, as an administrator adds them: release packages where there are
# some, a file fetched by hand with its key where there is none.
source ../common/functions.sh

edit /etc/dnf/dnf.conf '$a keepcache=1' '$a exclude=kernel-debug*'

dnf -y -q install "$(rpm_url "$LAB_REPOS/epel" epel-release)"
dnf -y -q install "$(rpm_url "$LAB_REPOS/remi-safe" remi-release)"

# Plex's own: no release package, a file from its site (unowned) and its key.
put /etc/yum.repos.d/plex.repo <<END
[plexrepo]
name=plexrepo
baseurl=$LAB_REPOS/vendor
enabled=1
gpgkey=$LAB_REPOS/vendor/RPM-GPG-KEY-vendor
gpgcheck=1
END
rpm --import "$LAB_REPOS/vendor/RPM-GPG-KEY-vendor"

dnf -y -q module enable php:7.2 redis:6
