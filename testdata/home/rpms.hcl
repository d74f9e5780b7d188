# Packages that no repository brings: two that bring their repositories, and
# one of the house's own. Their files are beside this one, in rpms/.

locals {
  house_tools  = "rpms/house-tools-1.2-3.el8.noarch.rpm"
  epel_release = "rpms/epel-release-8-21.el8.noarch.rpm"
  remi_release = "rpms/remi-release-8.10-2.el8.remi.noarch.rpm"
}

overlay "role" "standby" {
  package "house-tools" { source = local.house_tools }
  package "epel-release" { source = local.epel_release }
  package "remi-release" { source = local.remi_release }
}

# A box that is rebuilt takes the primary's role.
overlay "role" "primary" {
  package "house-tools" { source = local.house_tools }
  package "epel-release" { source = local.epel_release }
  package "remi-release" { source = local.remi_release }
}
