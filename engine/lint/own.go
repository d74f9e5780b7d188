// Package lint finds what will not do on another host than the one it was read
// on, and what is wrong on that one: its own addresses and names in files that
// followers take, a certificate near its end, a document root or a zone's file
// that is not there, a port that SELinux will not let be bound.
package lint

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"hikae/hosts"
)

// The rules.
const (
	OwnAddress   = "own-address"
	OwnName      = "own-name"
	OwnInterface = "own-interface"
	DocumentRoot = "document-root"
	ZoneFile     = "zone-file"
	Certificate  = "certificate"
	SELinuxPort  = "selinux-port"
)

// Own is what tells a host from others, as it is written in files.
type Own struct {
	addresses  []netip.Prefix
	names      []string // the full one first
	interfaces []string
}

// shortName is how long, in bytes, the first label of a host's name must be for
// it to be looked for by itself.
const shortName = 3

// OwnOf is what a host's facts say it is.
func OwnOf(f hosts.Facts) Own {
	var o Own
	for _, a := range f.Addresses {
		if p, err := netip.ParsePrefix(a); err == nil {
			o.addresses = append(o.addresses, p)
		}
	}
	if name := strings.ToLower(f.Hostname); name != "" && name != "localhost" && !strings.HasPrefix(name, "localhost.") {
		o.names = append(o.names, name)
		if short, _, dotted := strings.Cut(name, "."); dotted && len(short) >= shortName {
			o.names = append(o.names, short)
		}
	}
	o.interfaces = slices.Clone(f.Interfaces)
	return o
}

// Without is what is not another host's as well: that says the same there.
func (o Own) Without(other Own) Own {
	o.addresses = slices.DeleteFunc(slices.Clone(o.addresses), func(p netip.Prefix) bool {
		return slices.ContainsFunc(other.addresses, func(q netip.Prefix) bool { return p.Addr() == q.Addr() })
	})
	o.names = slices.DeleteFunc(slices.Clone(o.names), func(n string) bool { return slices.Contains(other.names, n) })
	o.interfaces = slices.DeleteFunc(slices.Clone(o.interfaces), func(n string) bool { return slices.Contains(other.interfaces, n) })
	return o
}

// Empty reports whether nothing tells the host from others.
func (o Own) Empty() bool { return len(o.addresses)+len(o.names)+len(o.interfaces) == 0 }

// In reports whether a text mentions what is a host's own.
func (o Own) In(text []byte) bool { return len(o.find(text)) > 0 }

// Alone reports whether a text mentions what is a host's own and no other's
// address. A value that names others as well says whom a host knows, not where
// it listens, and means the same on any host.
func (o Own) Alone(text []byte) bool {
	if !o.In(text) {
		return false
	}
	others := false
	eachAddress(text, func(_, _ int, a netip.Addr) {
		others = others || !a.IsLoopback() && !a.IsUnspecified() && !o.hasAddress(a)
	})
	return !others
}

// hit is a mention of what is a host's own.
type hit struct {
	at, end int
	value   string // as it is own
	rule    string
}

// find finds the mentions in a text, in their order.
func (o Own) find(text []byte) []hit {
	var hits []hit
	lower := bytes.ToLower(text)
	for _, n := range o.names {
		hits = words(hits, lower, n, OwnName)
	}
	hits = slices.DeleteFunc(hits, func(h hit) bool { // the short name within the full one
		return slices.ContainsFunc(hits, func(g hit) bool { return g.at == h.at && g.end > h.end })
	})
	for _, i := range o.interfaces {
		hits = words(hits, text, i, OwnInterface)
	}
	hits = append(hits, o.findAddresses(text)...)
	slices.SortFunc(hits, func(a, b hit) int { return a.at - b.at })
	return hits
}

// words finds a name where it stands as a word of its own: no part of a longer
// one, and no label of another name.
func words(hits []hit, text []byte, name, rule string) []hit {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(name))
		if i < 0 {
			return hits
		}
		at, end := from+i, from+i+len(name)
		from = end
		if at > 0 && (isNameByte(text[at-1]) || text[at-1] == '.') || end < len(text) && isNameByte(text[end]) ||
			end+1 < len(text) && text[end] == '.' && isNameByte(text[end+1]) {
			continue
		}
		hits = append(hits, hit{at, end, name, rule})
	}
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// findAddresses reads each run of the bytes that addresses are made of. A port
// behind one, or a length of a prefix, is no part of it.
func (o Own) findAddresses(text []byte) []hit {
	if len(o.addresses) == 0 {
		return nil
	}
	var hits []hit
	eachAddress(text, func(at, end int, a netip.Addr) {
		if o.hasAddress(a) {
			hits = append(hits, hit{at, end, a.String(), OwnAddress})
		}
	})
	return hits
}

func (o Own) hasAddress(a netip.Addr) bool {
	return slices.ContainsFunc(o.addresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

// eachAddress calls fn with each address in a text, own or not.
func eachAddress(text []byte, fn func(at, end int, a netip.Addr)) {
	for at := 0; at < len(text); at++ {
		if !isAddressByte(text[at]) || at > 0 && isNameByte(text[at-1]) {
			continue
		}
		end := at
		for end < len(text) && isAddressByte(text[end]) {
			end++
		}
		if a, n := address(string(text[at:end])); n > 0 && (at+n == len(text) || !isNameByte(text[at+n])) {
			fn(at, at+n, a)
		}
		at = end - 1
	}
}

const longestAddress = 64

func isAddressByte(c byte) bool {
	return c == '.' || c == ':' || '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// address is the one that a run begins with, and how long it is; 0 for none.
func address(run string) (netip.Addr, int) {
	if len(run) > longestAddress {
		return netip.Addr{}, 0
	}
	run = strings.TrimRight(run, ".:")
	for _, text := range []string{run, beforeColon(run)} {
		if a, err := netip.ParseAddr(text); err == nil {
			return a, len(text)
		}
	}
	return netip.Addr{}, 0
}

// beforeColon is an IPv4 address without its port.
func beforeColon(s string) string {
	text, _, _ := strings.Cut(s, ":")
	return text
}

// Replacer gives what another host has in the place of what is a host's own;
// false where that is not known.
type Replacer func(rule, value string) (string, bool)

// ReplaceBy takes an address of the same network, or else the only one of its
// sort; the name, short for the short one; the interface, where there is but one.
func (o Own) ReplaceBy(other Own) Replacer {
	return func(rule, value string) (string, bool) {
		switch rule {
		case OwnAddress:
			return o.otherAddress(other, value)
		case OwnName:
			i := slices.Index(o.names, value)
			if i < 0 || len(other.names) == 0 {
				return "", false
			}
			if i == 1 {
				short, _, _ := strings.Cut(other.names[0], ".")
				return short, true
			}
			return other.names[0], true
		case OwnInterface:
			if len(other.interfaces) == 1 {
				return other.interfaces[0], true
			}
		}
		return "", false
	}
}

func (o Own) otherAddress(other Own, value string) (string, bool) {
	mine, err := netip.ParseAddr(value)
	if err != nil {
		return "", false
	}
	var same, sort []string
	for _, p := range other.addresses {
		if p.Addr().Is4() != mine.Is4() {
			continue
		}
		sort = append(sort, p.Addr().String())
		if p.Contains(mine) {
			same = append(same, p.Addr().String())
		}
	}
	switch {
	case len(same) > 0:
		return same[0], true
	case len(sort) == 1:
		return sort[0], true
	}
	return "", false
}
