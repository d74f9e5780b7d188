package dhcpd

import (
	"net/netip"
	"strings"

	"hikae/engine/lens"
)

// network is what a subnet declares.
func network(n *lens.Node, src []byte) (netip.Prefix, bool) {
	w := wordsFrom(n, src, 1)
	switch {
	case len(w) == 1: // subnet6
		p, err := netip.ParsePrefix(w[0])
		return p, err == nil && p == p.Masked() && p.Addr().Is6()
	case len(w) == 3 && strings.EqualFold(w[1], "netmask"):
		addr, err := netip.ParseAddr(w[0])
		mask, err2 := netip.ParseAddr(w[2])
		if err != nil || err2 != nil || !addr.Is4() || !mask.Is4() {
			return netip.Prefix{}, false
		}
		for bits := range 33 {
			if p := netip.PrefixFrom(addr, bits); netmask(p) == mask.String() {
				return p, p == p.Masked()
			}
		}
	}
	return netip.Prefix{}, false
}

// versionOf is the version of a network's name.
func versionOf(network string) version {
	if strings.Contains(network, ":") {
		return v6
	}
	return v4
}

// netmask is the mask of a network of IPv4, as dhcpd wants it.
func netmask(p netip.Prefix) string {
	var b [4]byte
	for i := range p.Bits() {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b).String()
}

// said is what a word says, without its quotes.
func said(n *lens.Node, src []byte, i int) string { return dialect.Unquote(n.Word(src, i)) }

// wordsFrom are the words of a statement from one on, as written.
func wordsFrom(n *lens.Node, src []byte, from int) []string {
	var w []string
	for i := from; i < len(n.Words); i++ {
		w = append(w, n.Word(src, i))
	}
	return w
}
