# The lab's house: the seed's primary, its standby, a VPS, and a bare box.
# The hosts' addresses and keys are in the lab's ssh config; run with
# HIKAE_SSH_CONFIG=$HIKAE_LAB/ssh/config.

hikae {
  required_version = ">= 0.1"
  store            = "states"
}

host "primary" { ssh = "root@primary" }

host "standby" { ssh = "root@standby" }

# A bare box: what becomes the dead server. It is in no pair until then.
host "fresh" { ssh = "root@fresh" }

# Only the external view and mail, and nothing else of the house.
host "vps" {
  ssh     = "root@vps"
  follows = pair.home
  only    = ["file:/etc/named/external/**", "package:bind*"]
}

pair "home" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary

  # Trees beyond /etc whose files are the house's own.
  paths = ["/home", "/srv", "/usr/local", "/var/named", "/var/www"]
}
