package lint

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/rules"
	"hikae/hosts"
)

// NearEnd is how long before its end a certificate is told.
const NearEnd = 30 * 24 * time.Hour

// Certificates are those in plain files that have ended, or will soon. Those of
// packages are not looked at: authorities come and go with them.
func (t *Tree) Certificates(now time.Time) []Finding {
	var out []Finding
	for i := range t.Snapshot.Resources {
		r := &t.Snapshot.Resources[i]
		if r.Addr.Kind != "file" || r.Node == nil || r.Node.Type != hosts.File || r.Pristine != nil || r.Node.Content.Sealed || r.Node.Content.Size > maxFile {
			continue
		}
		text, err := t.Read(r.Node.Content)
		if err != nil || !bytes.Contains(text, []byte("-----BEGIN CERTIFICATE-----")) {
			continue
		}
		if f := ending(r.Addr.Name, text, now); f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// ending tells of the first certificate of a file, which is the one served.
func ending(file string, text []byte, now time.Time) *Finding {
	block, _ := pem.Decode(text)
	for rest := text; block != nil && block.Type != "CERTIFICATE"; {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return &Finding{Rule: Certificate, File: file, Text: "it cannot be read as a certificate: " + err.Error()}
	}
	name := cert.Subject.CommonName
	if len(cert.DNSNames) > 0 {
		name = cert.DNSNames[0]
	}
	end := cert.NotAfter.UTC().Format("2006-01-02")
	switch {
	case now.After(cert.NotAfter):
		return &Finding{Rule: Certificate, File: file, Text: fmt.Sprintf("the certificate of %s ended on %s", name, end)}
	case now.Add(NearEnd).After(cert.NotAfter):
		return &Finding{Rule: Certificate, File: file, Text: fmt.Sprintf("the certificate of %s ends on %s, in %d days", name, end, int(cert.NotAfter.Sub(now).Hours())/24)}
	}
	return nil
}

// Wanted is a path that something of the configuration needs, and what is to be
// told where nothing is there.
type Wanted struct {
	Path string
	Finding
}

// Wanted lists the paths that vhosts and zones need.
func (t *Tree) Wanted() []Wanted {
	t.open()
	var out []Wanted
	dir := t.namedDirectory()
	for _, rs := range t.shown {
		for _, r := range rs {
			f := Finding{File: r.Range.Filename, Line: r.Range.Start.Line, Column: r.Range.Start.Column, Kind: r.Addr.Kind, In: r.Addr.In, Name: r.Addr.Name}
			switch r.Addr.Kind {
			case "vhost":
				if root := text(r, "document_root"); path.IsAbs(root) && !strings.ContainsAny(root, "%$") {
					f.Rule, f.Text = DocumentRoot, "the document root "+root+" does not exist"
					out = append(out, Wanted{path.Clean(root), f})
				}
			case "zone":
				file := text(r, "file")
				if file == "" || !slices.Contains([]string{"primary", "master", "hint"}, text(r, "type")) {
					continue // a secondary's is written when it is fetched
				}
				if !path.IsAbs(file) {
					file = path.Join(dir, file)
				}
				f.Rule, f.Text = ZoneFile, "the zone's file "+file+" does not exist"
				out = append(out, Wanted{path.Clean(file), f})
			}
		}
	}
	slices.SortFunc(out, func(a, b Wanted) int { return compare(a.Finding, b.Finding) })
	return out
}

// text is a string attribute, "" where there is none.
func text(r *engine.Resource, name string) string {
	if r.Value == cty.NilVal || !r.Value.Type().HasAttribute(name) {
		return ""
	}
	v := r.Value.GetAttr(name)
	if v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

// namedDirectory is where named looks for files of relative paths.
func (t *Tree) namedDirectory() string {
	const usual = "/var/named"
	keys, err := engine.NewKeyFinder(nil, t.Lenses)
	if err != nil {
		return usual
	}
	g, known := keys.Grammar("/etc/named.conf")
	_, b, err := engine.ReadTreeFile(t.files, "/etc/named.conf")
	if !known || err != nil {
		return usual
	}
	f, err := g.Parse(b)
	if err != nil {
		return usual
	}
	for _, n := range f.Find("options.directory", g.Fold) {
		if dir := strings.Trim(n.Word(b, 1), `"'`); path.IsAbs(dir) {
			return dir
		}
	}
	return usual
}

// boundPort is where a daemon is told a port to bind, and the types of ports
// that SELinux's targeted policy lets it.
type boundPort struct {
	pattern, grammar string
	keys             []string
	types            []string
}

func boundPorts() []boundPort {
	return []boundPort{
		{"/etc/httpd/{conf,conf.d,conf.modules.d}/**", "httpd", []string{"Listen", "*.Listen"}, []string{"http_port_t", "http_cache_port_t", "puppet_port_t", "jboss_messaging_port_t", "jboss_management_port_t", "ntop_port_t"}},
		{"/etc/ssh/{sshd_config,sshd_config.d/*}", rules.WordGrammar, []string{"Port"}, []string{"ssh_port_t"}},
		{"/etc/{my.cnf,my.cnf.d/**}", "my-cnf", []string{"mysqld.port", "server.port", "mariadb.port"}, []string{"mysqld_port_t"}},
		{"/etc/{redis,redis/redis}.conf", "redis", []string{"port", "tls-port"}, []string{"redis_port_t"}},
		{"/{etc,var/lib}/{postgresql,pgsql}/**/postgresql.conf", "postgresql", []string{"port"}, []string{"postgresql_port_t"}},
	}
}

// policyPorts are the TCP ports of types, as the targeted policies of EL 8 and 9
// have them (semanage port -l).
func policyPorts() map[string][]int {
	return map[string][]int{
		"http_port_t":             {80, 81, 443, 488, 8008, 8009, 8443, 9000},
		"http_cache_port_t":       {3128, 8080, 8118, 8123, 10001, 10002, 10003, 10004, 10005, 10006, 10007, 10008, 10009, 10010},
		"puppet_port_t":           {8140},
		"jboss_messaging_port_t":  {5445, 5455},
		"jboss_management_port_t": {4447, 4712, 7600, 9123, 9990, 9999, 18001},
		"ntop_port_t":             {3000, 3001},
		"ssh_port_t":              {22},
		"mysqld_port_t":           {1186, 3306, 63132, 63133, 63134, 63135, 63136, 63137, 63138, 63139, 63140, 63141, 63142, 63143, 63144, 63145, 63146, 63147, 63148, 63149, 63150, 63151, 63152, 63153, 63154, 63155, 63156, 63157, 63158, 63159, 63160, 63161, 63162, 63163, 63164},
		"redis_port_t":            {6379, 16379, 26379},
		"postgresql_port_t":       {5432, 9898},
	}
}

// Ports are those that daemons are told to bind and that SELinux would not let
// them: neither by the distribution's policy nor by this host's own ports. None
// where the host has no policy.
func (t *Tree) Ports() []Finding {
	if t.Snapshot.Facts.Policy == "" {
		return nil
	}
	t.open()
	local := t.localPorts()
	var out []Finding
	for _, b := range boundPorts() {
		finder, err := engine.NewKeyFinder([]rules.KeepRule{{Pattern: b.pattern, Keys: b.keys, Grammar: b.grammar}}, t.Lenses)
		if err != nil {
			continue
		}
		for i := range t.Snapshot.Resources {
			r := &t.Snapshot.Resources[i]
			if r.Addr.Kind != "file" || r.Node == nil || r.Node.Type != hosts.File || r.Node.Content.Sealed || r.Node.Content.Size > maxFile || !finder.Has(r.Addr.Name) {
				continue
			}
			src, err := t.Read(r.Node.Content)
			if err != nil {
				continue
			}
			for _, s := range finder.Spans(r.Addr.Name, src) {
				if f := b.denied(r.Addr.Name, src, s, local); f != nil {
					out = append(out, *f)
				}
			}
		}
	}
	slices.SortFunc(out, compare)
	return out
}

// denied tells of a statement whose port may not be bound.
func (b boundPort) denied(file string, src []byte, s lens.Span, local map[int]string) *Finding {
	port := portOf(s.Of(src))
	if port == 0 {
		return nil
	}
	typ, changed := local[port]
	allowed := slices.Contains(b.types, typ)
	for _, t := range b.types {
		allowed = allowed || !changed && slices.Contains(policyPorts()[t], port)
	}
	if allowed {
		return nil
	}
	at := lens.PosOf(src, s.Start)
	return &Finding{Rule: SELinuxPort, File: file, Line: at.Line, Column: at.Column,
		Text: fmt.Sprintf("SELinux lets no daemon of its sort bind port %d: semanage port -a -t %s -p tcp %d", port, b.types[0], port)}
}

// portOf is the port of a statement: the last number of its first value, behind
// a colon where there is one; 0 for none.
func portOf(statement string) int {
	fields := strings.FieldsFunc(statement, func(r rune) bool { return strings.ContainsRune(" \t=;'\"", r) })
	if len(fields) < 2 {
		return 0
	}
	v := fields[1][strings.LastIndexByte(fields[1], ':')+1:]
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// localPorts are the TCP ports that have a type of this host's own.
func (t *Tree) localPorts() map[int]string {
	out := map[int]string{}
	for i := range t.Snapshot.Resources {
		r := &t.Snapshot.Resources[i]
		ports, tcp := strings.CutPrefix(r.Addr.Name, "tcp/")
		if r.Addr.Kind != "selinux_port" || !tcp {
			continue
		}
		low, high, ranged := strings.Cut(ports, "-")
		a, err := strconv.Atoi(low)
		b := a
		if ranged && err == nil {
			b, err = strconv.Atoi(high)
		}
		for p := a; err == nil && p <= min(b, 65535); p++ {
			out[p] = text(r, "type")
		}
	}
	return out
}

func compare(a, b Finding) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return strings.Compare(a.Text, b.Text)
}
