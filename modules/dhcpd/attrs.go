package dhcpd

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/modules/internal/lensput"
)

// form is how the words behind a statement's key are read.
type form int

const (
	addrs   form = iota // addresses or host names, parted by commas
	phrases             // texts in quotes, parted by commas
	phrase              // a text, mostly in quotes
	word                // one word, of several that no blank parts
	raw                 // words as they are written, one blank between them
	number              // a whole number
	many                // raw, a statement each
)

// setting is an attribute and the statement that it stands for.
type setting struct {
	attr string
	form form
	// keys are the words that the statement begins with, for a server of IPv4 and
	// of IPv6; "" where that has none.
	key4, key6 string
	check      func(string) string // what is wrong with a part; "" where nothing is
	doc        string
}

// common are those of subnets and hosts: dhcpd.conf(5), dhcp-options(5).
func common() []setting {
	return []setting{
		{attr: "routers", form: addrs, key4: "option routers", check: isAddr, doc: "Routers, the preferred first."},
		{attr: "dns_servers", form: addrs, key4: "option domain-name-servers", key6: "option dhcp6.name-servers", check: isAddr, doc: "Name servers, the preferred first."},
		{attr: "domain_name", form: phrase, key4: "option domain-name", doc: "The domain that clients complete names with."},
		{attr: "domain_search", form: phrases, key4: "option domain-search", key6: "option dhcp6.domain-search", doc: "The domains that clients look for names in."},
		{attr: "ntp_servers", form: addrs, key4: "option ntp-servers", key6: "option dhcp6.sntp-servers", check: isAddr, doc: "Time servers, the preferred first."},
		{attr: "next_server", form: word, key4: "next-server", check: isAddr, doc: "The server that clients boot from."},
		{attr: "filename", form: phrase, key4: "filename", doc: "The file that clients boot."},
		{attr: "default_lease_time", form: number, key4: "default-lease-time", key6: "default-lease-time", doc: "Seconds that a lease runs where the client asks for nothing; of IPv6, that its address is valid."},
		{attr: "max_lease_time", form: number, key4: "max-lease-time", key6: "max-lease-time", doc: "The most seconds that a lease runs."},
		{attr: "min_lease_time", form: number, key4: "min-lease-time", key6: "min-lease-time", doc: "The fewest seconds that a lease runs."},
		{attr: "preferred_lifetime", form: number, key6: "preferred-lifetime", doc: "Seconds that an address of IPv6 is preferred."},
	}
}

// settings are the attributes of a kind that stand for statements.
func settings(kind string) []setting {
	if kind == SubnetKind {
		return append([]setting{
			{attr: "ranges", form: many, key4: "range", key6: "range6", check: isRange,
				doc: "What is leased of it: first and last address, as \"192.168.1.10 192.168.1.50\"; of IPv6 also a network, or one for temporary addresses: \"fd00::/64 temporary\". Those of pools are not shown."},
			{attr: "prefixes", form: many, key6: "prefix6", doc: "What is delegated of prefixes: first, last and length, as \"fd00:0:0:100:: fd00:0:0:f00:: /56\"."},
			{attr: "subnet_mask", form: word, key4: "option subnet-mask", check: isAddr, doc: "The mask that clients are told; the network's own where nothing is said."},
			{attr: "broadcast_address", form: word, key4: "option broadcast-address", check: isAddr, doc: "The address for all of it."},
			{attr: "interface", form: phrase, key4: "interface", key6: "interface", doc: "The interface that it is reached by."},
		}, common()...)
	}
	return append([]setting{
		{attr: "hardware", form: raw, key4: "hardware", key6: "hardware", check: isHardware, doc: "The hardware address that it is known by, with its type: \"ethernet 08:00:07:26:c0:a5\"."},
		{attr: "duid", form: word, key6: "host-identifier option dhcp6.client-id", check: isHex, doc: "The DUID that it is known by, in hexadecimal: \"00:01:00:01:4a:1f:ba:e3:60:b9:1f:01:23:45\"."},
		{attr: "client_id", form: raw, key4: "option dhcp-client-identifier", doc: "The client identifier that it is known by, as dhcpd writes it: octets in hexadecimal, or a text in quotes."},
		{attr: "fixed_address", form: addrs, key4: "fixed-address", key6: "fixed-address6", check: isAddr, doc: "The addresses that it gets, or host names that lead to them; of several the one of the subnet that it is in. IPv6 has one."},
		{attr: "fixed_prefix", form: word, key6: "fixed-prefix6", check: isPrefix, doc: "The prefix that is delegated to it."},
		{attr: "host_name", form: phrase, key4: "option host-name", doc: "The name that it is told to have."},
		{attr: "ddns_hostname", form: phrase, key4: "ddns-hostname", key6: "ddns-hostname", doc: "The name that is entered for it in the DNS."},
	}, common()...)
}

// attrs are the attributes of a kind but for what only one has.
func attrs(kind string) []engine.Attr {
	var as []engine.Attr
	for _, s := range settings(kind) {
		as = append(as, engine.Attr{Name: s.attr, Type: s.form.typ(), Doc: s.doc})
	}
	within := "The declarations that it stands in, from the outermost on, parted by slashes between blanks: `shared-network office / group`. "
	if kind == SubnetKind {
		within += "A new one stands in a shared-network that is there, or in none."
	} else {
		within += "A new one stands in a subnet or a shared-network that is there, or in none: `subnet 192.168.1.0 netmask 255.255.255.0`."
	}
	return append(as,
		engine.Attr{Name: attrWithin, Type: cty.String, Info: true, Doc: within},
		engine.Attr{Name: attrFile, Type: cty.String, Info: true, Doc: "The file it is written in."},
		engine.Attr{Name: attrOthers, Type: cty.Number, Info: true, Doc: "How many statements it has that are not shown here."},
	)
}

func (f form) typ() cty.Type {
	switch f {
	case addrs, phrases, many:
		return cty.List(cty.String)
	case number:
		return cty.Number
	}
	return cty.String
}

// key is the statement's first words for a server.
func (s setting) key(v version) string {
	if v == v6 {
		return s.key6
	}
	return s.key4
}

// find gives the statements of a setting.
func (s setting) find(v version, statements []place) []place {
	if s.key(v) == "" {
		return nil
	}
	key := strings.Fields(s.key(v))
	var found []place
	for _, at := range statements {
		if at.node.Block || len(at.node.Words) <= len(key) {
			continue
		}
		src, same := at.src(), true
		for i, k := range key {
			same = same && strings.EqualFold(at.node.Word(src, i), k)
		}
		if same {
			found = append(found, at)
		}
	}
	return found
}

// get reads a setting: null where it is not there, or is not understood. nodes are
// the statements that it shows.
func (s setting) get(v version, statements []place) (cty.Value, []*lens.Node) {
	found := s.find(v, statements)
	if len(found) == 0 {
		return cty.NullVal(s.form.typ()), nil
	}
	if s.form == many {
		var members []string
		var nodes []*lens.Node
		for _, at := range found {
			members = append(members, strings.Join(s.words(v, at), " "))
			nodes = append(nodes, at.node)
		}
		return lensput.Strings(members), nodes
	}
	last := found[len(found)-1]
	if value, ok := s.form.read(s.words(v, last)); ok {
		return value, []*lens.Node{last.node}
	}
	return cty.NullVal(s.form.typ()), nil
}

// words are those behind the key.
func (s setting) words(v version, at place) []string {
	return wordsFrom(at.node, at.src(), len(strings.Fields(s.key(v))))
}

// read reads words. It reports false for what is none of the form: an expression
// above all.
func (f form) read(words []string) (cty.Value, bool) {
	for _, w := range words {
		if !utf8.ValidString(dialect.Unquote(w)) || w == "=" || w == "(" {
			return cty.NilVal, false
		}
	}
	switch f {
	case addrs, phrases:
		var members []string
		for i, w := range words {
			switch {
			case i%2 == 1 && w != ",", i%2 == 0 && (w == "," || quoted(w) != (f == phrases)):
				return cty.NilVal, false
			case i%2 == 0:
				members = append(members, dialect.Unquote(w))
			}
		}
		return lensput.Strings(members), len(words)%2 == 1
	case phrase:
		return cty.StringVal(dialect.Unquote(words[0])), len(words) == 1
	case word:
		return cty.StringVal(words[0]), len(words) == 1 && !quoted(words[0])
	case number:
		n, err := strconv.ParseUint(words[0], 10, 32)
		return cty.NumberUIntVal(n), err == nil && len(words) == 1
	}
	return cty.StringVal(strings.Join(words, " ")), true
}

func quoted(w string) bool { return strings.HasPrefix(w, `"`) }
