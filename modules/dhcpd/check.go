package dhcpd

import (
	"net/netip"
	"strings"

	"hikae/engine"
)

var (
	hostName  = engine.Form(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)
	hexOctets = engine.Form(`^[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2})*$`)
	hardware  = engine.Form(`^(ethernet|token-ring|fddi|infiniband|unknown-[0-9]+) [0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){0,19}$`)
)

func isAddr(s string) string {
	if _, err := netip.ParseAddr(s); err == nil && !strings.Contains(s, "%") || hostName().MatchString(s) {
		return ""
	}
	return "neither an address nor a host name"
}

func isHex(s string) string {
	if hexOctets().MatchString(s) {
		return ""
	}
	return "not octets in hexadecimal with colons between them"
}

func isHardware(s string) string {
	if hardware().MatchString(s) {
		return ""
	}
	return `not a type and an address, as "ethernet 08:00:07:26:c0:a5"`
}

func isPrefix(s string) string {
	if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is6() {
		return ""
	}
	return "not a prefix of IPv6"
}

// isRange wants addresses of one version, the last not before the first.
func isRange(s string) string {
	const fault = "not a first and a last address"
	w := strings.Fields(s)
	if len(w) > 1 && strings.EqualFold(w[0], "dynamic-bootp") {
		w = w[1:]
	}
	if len(w) == 2 && strings.EqualFold(w[1], "temporary") {
		w = w[:1]
	}
	if len(w) == 0 || len(w) > 2 {
		return fault
	}
	if p, err := netip.ParsePrefix(w[0]); err == nil && len(w) == 1 && p.Addr().Is6() {
		return ""
	}
	var ends []netip.Addr
	for _, a := range w {
		addr, err := netip.ParseAddr(a)
		if err != nil || addr.Zone() != "" {
			return fault
		}
		ends = append(ends, addr)
	}
	if len(ends) == 2 && (ends[0].Is4() != ends[1].Is4() || ends[1].Less(ends[0])) {
		return fault
	}
	return ""
}

// within tells what is wrong with a range as part of a subnet.
func inNetwork(net netip.Prefix, s string) string {
	for _, w := range strings.Fields(s) {
		addr, err := netip.ParseAddr(w)
		if p, perr := netip.ParsePrefix(w); perr == nil {
			addr, err = p.Addr(), nil
		}
		if err == nil && !net.Contains(addr) {
			return "not of the network " + net.String()
		}
	}
	return ""
}
