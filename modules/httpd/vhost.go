package httpd

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// vhost is a <VirtualHost>.
type vhost struct {
	name       string
	file       *file
	node       *lens.Node
	at         *hcl.Range
	addresses  []string // as httpd takes them
	statements []statement
	made       bool // by a macro: there is nothing to edit
	twins      []*vhost
}

// statement is one that speaks of a server.
type statement struct {
	file *file
	node *lens.Node
	own  bool // it stands in the server's block, and may be edited
}

func (s statement) name() string { return apache.Fold(s.node.Name(s.file.Source())) }

// virtualHost takes in a server. One within another httpd refuses.
func (c *config) virtualHost(n *lens.Node, p place) {
	if p.server != nil || p.inner {
		c.fail(p.rangeOf(n), "Virtual host within another section", "httpd refuses a <VirtualHost> that stands in another section.")
		return
	}
	if c.seen[n] { // its file is included twice: it is one to edit
		return
	}
	c.seen[n] = true
	v := &vhost{file: p.file, node: n, at: p.rangeOf(n), addresses: c.words(p, n)[1:], made: p.file.made}
	if len(v.addresses) == 1 && strings.ContainsAny(v.addresses[0], " \t") { // of a variable
		v.addresses = strings.Fields(v.addresses[0])
	}
	p.server, p.own = v, true
	c.walk(n.Nodes, p)
	v.name = c.nameOf(v)
	c.vhosts = append(c.vhosts, v)
}

// nameOf is SERVERNAME:PORT: what the server is called, and the port of the first
// address that it is asked at. One without a name has its first address's host.
func (c *config) nameOf(v *vhost) string {
	host, port := splitAddress(first(v.addresses))
	if port == "" {
		port = c.port
	}
	if port == "" {
		port = "*"
	}
	for _, s := range v.statements {
		if s.name() == "servername" && len(s.node.Words) > 1 {
			host, _ = splitName(c.resolve(apache.Text(s.file.Source(), s.node.Words[1])))
		}
	}
	return host + ":" + port
}

// name keeps those of one name apart: the second is called NAME#2.
func (c *config) name() {
	seen := map[string][]*vhost{}
	for _, v := range c.vhosts {
		all := append(seen[v.name], v)
		seen[v.name] = all
		for _, t := range all {
			t.twins = all
		}
		if len(all) > 1 {
			v.name = fmt.Sprintf("%s#%d", v.name, len(all))
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// splitName is the host and the port of a ServerName: [scheme://]host[:port].
func splitName(name string) (host, port string) {
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	host, port, _ = strings.Cut(name, ":")
	return host, port
}

// splitAddress is the host and the port of a <VirtualHost>'s address. A port that
// is not said is "".
func splitAddress(address string) (host, port string) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 || strings.HasSuffix(address, "]") {
		return address, ""
	}
	return address[:i], address[i+1:]
}

// listener is a Listen: an address, or any, and a port.
type listener struct{ host, port string }

func listenerOf(address string) listener {
	host, port := splitAddress(address)
	if port == "" {
		return listener{"", host}
	}
	return listener{host, port}
}

// covers tells whether the listener takes connections to an address. What a name
// resolves to is not known here.
func (l listener) covers(host, port string) bool {
	if port != "*" && l.port != port {
		return false
	}
	mine, err := hostAddr(l.host)
	if err != nil || mine.IsUnspecified() {
		return true
	}
	other, err := hostAddr(host)
	return err != nil || other == mine
}

func hostAddr(host string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap(), err
}

// heard looks whether httpd listens where a server is asked, and tells where
// not. With no Listen at all it does not start: that is for its own check to say.
func (c *config) heard(v *vhost, addresses []string, at *hcl.Range) hcl.Diagnostics {
	if len(c.listens) == 0 {
		return nil
	}
	var diags hcl.Diagnostics
	for _, a := range addresses {
		host, port := splitAddress(c.resolve(a))
		if _, err := strconv.Atoi(port); err != nil {
			continue
		}
		heard := false
		for _, l := range c.listens {
			heard = heard || l.covers(host, port)
		}
		if !heard {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Nothing listens there", Subject: at,
				Detail: fmt.Sprintf("The virtual host %q is to answer at %s, and no Listen of httpd is for that: it is never asked.", v.name, a)})
		}
	}
	return diags
}
