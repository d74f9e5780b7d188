# /etc/named.conf:5
named_options "options" {
  directory      = "/var/named"
  listen_on      = ["any"]
  recursion      = false
  allow_transfer = ["none"]
  notify         = "explicit"
  version        = "none"
}

# /etc/named/acl.conf:2
acl "lan" { addresses = ["127.0.0.1", "::1", "!10.98.0.2", "10.98.0.0/24"] }
acl "secondaries" { addresses = ["10.98.0.14"] }

# /etc/named.conf:19
view "internal" {
  match_clients = ["lan"]
  recursion     = true
}

# /etc/named.conf:27
view "external" { match_clients = ["any"] }

# /etc/named/internal.zones:1
zone "internal" "rio.example" {
  type   = "primary"
  file   = "internal/rio.example.zone"
  serial = 7
  soa = {
    contact = "hostmaster",
    expire  = "1w",
    minimum = "5m",
    refresh = "1h",
    retry   = "15m",
    server  = "ns1.rio.example.",
  }
  default_ttl = "1h"
}

# /var/named/internal/rio.example.zone:3
zone_record "internal/rio.example" "@ NS" { values = ["ns1"] }
zone_record "internal/rio.example" "ns1 A" { values = ["10.98.0.11"] }

# /etc/named/internal.zones:6
zone "internal" "0.98.10.in-addr.arpa" {
  type = "primary"
  file = "internal/10.98.0.rev"
}

# /etc/named/block.zones:1
zone "internal" "ads1.example" {
  type   = "primary"
  file   = "internal/block.zone"
  serial = 1
  soa = {
    contact = "root",
    expire  = "1h",
    minimum = "1h",
    refresh = "1h",
    retry   = "1h",
    server  = "localhost.",
  }
  default_ttl = "1d"
}

# /var/named/internal/block.zone:3
zone_record "internal/ads1.example" "@ NS" { values = ["localhost."] }
zone_record "internal/ads1.example" "@ A" { values = ["0.0.0.0"] }

# /etc/named/block.zones:2
zone "internal" "ads2.example" {
  type = "primary"
  file = "internal/block.zone"
}

# /etc/named.conf:30
zone "external" "rio.example" {
  type           = "primary"
  file           = "external/rio.example.zone"
  allow_transfer = ["key conoha-transfer", "secondaries"]
  also_notify    = ["10.98.0.14"]
  serial         = 2021102101
  soa = {
    contact = "hostmaster.rio.example.",
    expire  = "604800",
    minimum = "300",
    refresh = "3600",
    retry   = "900",
    server  = "ns1",
  }
  default_ttl = "86400"
}

# /var/named/external/rio.example.zone:3
zone_record "external/rio.example" "@ NS" { values = ["ns1"] }
zone_record "external/rio.example" "@ MX" { values = ["10 mail"] }
zone_record "external/rio.example" "@ TXT" { values = ["v=spf1 mx -all"] }
zone_record "external/rio.example" "ns1 A" { values = ["203.0.113.10"] }
zone_record "external/rio.example" "ns1 AAAA" { values = ["2001:db8:98::10"] }
zone_record "external/rio.example" "www A" { values = ["203.0.113.10", "203.0.113.11"] }
zone_record "external/rio.example" "www TXT" { values = ["one two"] }
zone_record "external/rio.example" "a.sub CNAME" { values = ["b.sub"] }

# /etc/named.conf:36
zone "external" "other.example" {
  type      = "secondary"
  file      = "slaves/other"
  primaries = ["192.0.2.1 key k", "2001:db8::1"]
}

# /etc/named.conf:37
zone "external" "dyn.example" {
  type         = "primary"
  file         = "dyn.example"
  allow_update = ["key ddns"]
  serial       = 1
  soa = {
    contact = "root",
    expire  = "1",
    minimum = "1",
    refresh = "1",
    retry   = "1",
    server  = "ns1.rio.example.",
  }
}

# /var/named/dyn.example:2
zone_record "external/dyn.example" "@ NS" { values = ["ns1.rio.example."] }
