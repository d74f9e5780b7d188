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

# The secondary name server: the zones that the world sees, and nothing else of
# the house.
host "vps" {
  ssh     = "root@vps"
  follows = pair.home
  only = [
    "package:bind*",
    "file:/etc/named.conf",
    "file:/etc/named/{acl.conf,external.zones}",
    "file:/var/named/external{,/**}",
    "service:named-chroot.service",
  ]
}

# Its own named.conf: the primary's names the internal view and the block list.
overlay "host" "vps" {
  file "/etc/named.conf" {
    content = <<-EOT
      include "/etc/named/acl.conf";

      options {
        listen-on port 53 { any; };
        listen-on-v6 port 53 { any; };
        directory "/var/named";
        version "none";
        dnssec-validation no;
        recursion no;
        allow-transfer { none; };
        notify no;
        pid-file "/run/named/named.pid";
        session-keyfile "/run/named/session.key";
      };

      view "external" {
        match-clients { any; };
        include "/etc/named/external.zones";
      };
    EOT
  }
}

pair "home" {
  members         = [host.primary, host.standby]
  initial_primary = host.primary

  # Trees beyond /etc whose files are the house's own.
  paths = ["/home", "/srv", "/usr/local", "/var/named", "/var/www"]
}
