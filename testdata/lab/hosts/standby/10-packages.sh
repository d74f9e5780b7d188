# shellcheck shell=bash
# The second server has a life of its own before hikae comes to it: packages,
# a person, files, and one package in an older version than the primary's.
source ../common/functions.sh

dnf -y -q install nano httpd cronie bash-completion acl attr
dnf -y -q install dovecot-2.3.16-3.el8
