package firewalld

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/xml"
)

// item is how one of a set of elements reads and is written.
type item struct {
	// read gives what the element says; false where it says more, or nothing.
	read func(r xml.Reader, n *lens.Node) (string, bool)
	// write gives the element. step is what its file indents by.
	write func(r xml.Reader, element, value, step string) (string, error)
}

// attrsOf are an element's attributes; false where there are others than those
// named, or text, or other elements in it.
func attrsOf(r xml.Reader, n *lens.Node, names ...string) (map[string]string, bool) {
	if _, text := r.TextWord(n); text || len(n.Nodes) > 0 {
		return nil, false
	}
	m := map[string]string{}
	attrs := r.Attributes(n)
	if len(attrs) > len(names) {
		return nil, false
	}
	for _, a := range attrs {
		v, ok := r.Attr(n, a)
		if !ok || !slices.Contains(names, a) {
			return nil, false
		}
		m[a] = v
	}
	return m, true
}

// oneOf is an element with one attribute.
func oneOf(attr string, check func(string) error) item {
	return item{
		read: func(r xml.Reader, n *lens.Node) (string, bool) {
			m, ok := attrsOf(r, n, attr)
			return m[attr], ok && m[attr] != ""
		},
		write: func(r xml.Reader, element, value, _ string) (string, error) {
			return "<" + element + " " + attr + "=" + r.Quote(value) + "/>", check(value)
		},
	}
}

var portForm = engine.Form(`^([0-9]+)(?:-([0-9]+))?$`)

func checkPort(s string) error {
	m := portForm().FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%q is no port, nor a range of them as in 60000-61000", s)
	}
	first, _ := strconv.Atoi(m[1])
	last := first + 1
	if m[2] != "" {
		last, _ = strconv.Atoi(m[2])
	}
	if first > 65535 || last > 65536 || last <= first || m[2] != "" && last > 65535 {
		return fmt.Errorf("%q is no port, nor a range of them from low to high", s)
	}
	return nil
}

func checkProtocol(s string) error {
	if !slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, s) {
		return fmt.Errorf("%q is no protocol with ports: tcp, udp, sctp or dccp", s)
	}
	return nil
}

// portItem is port="443" protocol="tcp", said 443/tcp.
var portItem = item{
	read: func(r xml.Reader, n *lens.Node) (string, bool) {
		m, ok := attrsOf(r, n, "port", "protocol")
		return m["port"] + "/" + m["protocol"], ok && m["port"] != "" && m["protocol"] != "" && !strings.Contains(m["port"], "/")
	},
	write: func(r xml.Reader, element, value, _ string) (string, error) {
		port, protocol, _ := strings.Cut(value, "/")
		err := checkPort(port)
		if err == nil {
			err = checkProtocol(protocol)
		}
		return "<" + element + " port=" + r.Quote(port) + " protocol=" + r.Quote(protocol) + "/>", err
	},
}

// sourceItem is a source of a zone.
var sourceItem = item{
	read: func(r xml.Reader, n *lens.Node) (string, bool) {
		m, ok := attrsOf(r, n, "address", "ipset", "family")
		delete(m, "family") // which firewalld does not look at any more
		if !ok || len(m) != 1 {
			return "", false
		}
		if set := m["ipset"]; set != "" {
			return "ipset:" + set, true
		}
		s := m["address"]
		return s, s != "" && !strings.HasPrefix(s, "ipset:")
	},
	write: func(r xml.Reader, element, value, _ string) (string, error) {
		if set, ok := strings.CutPrefix(value, "ipset:"); ok {
			return "<" + element + " ipset=" + r.Quote(set) + "/>", checkWord(set)
		}
		text := "<" + element + " address=" + r.Quote(value) + "/>"
		if mac, err := net.ParseMAC(value); err == nil && len(mac) == 6 {
			return text, nil
		}
		return text, checkNetwork(value)
	},
}

// checkNetwork takes an address, with a length or an IPv4 mask behind a slash.
func checkNetwork(s string) error {
	addr, mask, slash := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if err == nil && slash {
		var n int
		if n, err = strconv.Atoi(mask); err == nil && (n < 0 || n > ip.BitLen()) {
			err = strconv.ErrRange
		}
		if m, maskErr := netip.ParseAddr(mask); maskErr == nil && m.Is4() && ip.Is4() {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%q is no address, no network, no MAC address and no ipset:NAME", s)
	}
	return nil
}

// forwardItem is a forwarded port, in the words of firewall-cmd.
var forwardItem = item{
	read: func(r xml.Reader, n *lens.Node) (string, bool) {
		m, ok := attrsOf(r, n, "port", "protocol", "to-port", "to-addr")
		if !ok || m["port"] == "" || m["protocol"] == "" || strings.ContainsAny(m["port"]+m["protocol"]+m["to-port"], ":=") {
			return "", false
		}
		s := "port=" + m["port"] + ":proto=" + m["protocol"]
		if p := m["to-port"]; p != "" {
			s += ":toport=" + p
		}
		if a := m["to-addr"]; a != "" {
			s += ":toaddr=" + a
		}
		return s, true
	},
	write: func(r xml.Reader, element, value, _ string) (string, error) {
		text := "<" + element
		rest, said := value, 0
		for _, part := range []struct {
			name, attr string
			check      func(string) error
		}{{"port", "port", checkPort}, {"proto", "protocol", checkProtocol}, {"toport", "to-port", checkPort}, {"toaddr", "to-addr", checkAddress}} {
			after, ok := strings.CutPrefix(rest, part.name+"=")
			if !ok {
				continue
			}
			v := after
			rest = ""
			if part.name != "toaddr" { // in which colons are the address's own
				v, rest, _ = strings.Cut(after, ":")
			}
			if err := part.check(v); err != nil {
				return "", err
			}
			text += " " + part.attr + "=" + r.Quote(v)
			said++
		}
		if rest != "" || said < 3 || !strings.HasPrefix(value, "port=") || !strings.Contains(value, ":proto=") {
			return "", fmt.Errorf("%q is no forwarded port: write port=80:proto=tcp, and behind it :toport=8080, :toaddr=192.168.1.5 or both", value)
		}
		return text + "/>", nil
	},
}

func checkAddress(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("%q is no address", s)
	}
	return nil
}

// richItem is a rich rule.
var richItem = item{
	read: func(r xml.Reader, n *lens.Node) (string, bool) {
		rule, ok := ruleOf(r, n)
		if !ok {
			return "", false
		}
		return rule.String(), true
	},
	write: func(r xml.Reader, _, value, step string) (string, error) {
		rule, err := parseRule(value)
		if err != nil {
			return "", err
		}
		if said := rule.String(); said != value {
			return "", fmt.Errorf("firewalld lists the rule %q as %q: write it so", value, said)
		}
		return rule.xml(r, step), nil
	},
}

// entryItem is an entry of a set: <entry>192.0.2.1</entry>.
var entryItem = item{
	read: func(r xml.Reader, n *lens.Node) (string, bool) {
		text, ok := r.Text(n)
		return text, ok && text != "" && len(n.Nodes) == 0 && len(r.Attributes(n)) == 0
	},
	write: func(r xml.Reader, element, value, _ string) (string, error) {
		if value == "" || strings.ContainsAny(value, " \t\r\n") {
			return "", fmt.Errorf("%q is no entry of a set", value)
		}
		return "<" + element + ">" + r.Escape(value) + "</" + element + ">", nil
	},
}

var wordForm = engine.Form(`^[A-Za-z0-9_.+-]+$`)

func checkWord(s string) error {
	if !wordForm().MatchString(s) {
		return fmt.Errorf("%q cannot be a name", s)
	}
	return nil
}

// checkWord2 is a type of a set: words with colons and commas between.
func checkWord2(s string) error {
	if !strings.HasPrefix(s, "hash:") || checkWord(strings.NewReplacer(":", "", ",", "").Replace(s)) != nil {
		return fmt.Errorf("%q is no type of a set, as hash:ip or hash:net is", s)
	}
	return nil
}

func checkNumber(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < -32768 || n > 32767 || n == 0 {
		return fmt.Errorf("%q is no number from -32768 to 32767, but for 0", s)
	}
	return nil
}

func checkTarget(targets ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(targets, s) {
			return fmt.Errorf("%q is none of the targets %s", s, strings.Join(targets, ", "))
		}
		return nil
	}
}
