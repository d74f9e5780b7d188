package postgresql

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"hikae/engine/lens"
)

// Rule is what a line of pg_hba.conf says, as parse_hba_line reads it.
type Rule struct {
	Type      string
	Databases []Token
	Users     []Token
	// Address is a network, a host's name or a keyword; empty for local. Mask is
	// set where it stands in a field of its own.
	Address, Mask Token
	Method        string
	Options       []Option
	// At are the fields that hold these: of the method, and of the options.
	MethodAt, OptionsAt int
}

// Option is name=value behind a method. A field may hold several.
type Option struct{ Name, Value string }

var (
	types   = []string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}
	methods = []string{"trust", "reject", "md5", "scram-sha-256", "password", "peer", "ident", "gss", "sspi", "pam", "bsd", "ldap", "radius", "cert", "oauth"}
	// includes are the directives of PostgreSQL 16, of two fields.
	includes = []string{"include", "include_if_exists", "include_dir"}
	// options, and the methods that take them; none: any.
	options = map[string][]string{
		"map":              {"ident", "peer", "gss", "sspi", "cert", "oauth"},
		"clientcert":       nil,
		"clientname":       nil,
		"pamservice":       {"pam"},
		"pam_use_hostname": {"pam"},
		"krb_realm":        {"gss", "sspi"},
		"include_realm":    {"gss", "sspi"},
		"compat_realm":     {"sspi"},
		"upn_username":     {"sspi"},
		"issuer":           {"oauth"}, "scope": {"oauth"}, "validator": {"oauth"}, "delegate_ident_mapping": {"oauth"},
	}
)

// IsInclude tells whether a line of words is an include directive.
func IsInclude(words []string) bool { return len(words) == 2 && slices.Contains(includes, words[0]) }

// RuleError is what PostgreSQL would refuse of a rule, and in which field.
type RuleError struct {
	Field int // len of the fields: behind the last
	Text  string
}

func (e *RuleError) Error() string { return e.Text }

// ParseRule reads the fields of a rule.
func ParseRule(fields [][]Token) (Rule, error) {
	p := ruleParser{fields: fields}
	r := p.rule()
	if p.err != nil {
		return Rule{}, p.err
	}
	return r, nil
}

type ruleParser struct {
	fields [][]Token
	at     int
	err    *RuleError
}

func (p *ruleParser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &RuleError{at, fmt.Sprintf(format, args...)}
	}
}

// list is the next field, what is wanted there.
func (p *ruleParser) list(what string) []Token {
	if p.at >= len(p.fields) {
		p.fail(len(p.fields), "the rule ends before its %s", what)
		return []Token{{}}
	}
	p.at++
	return p.fields[p.at-1]
}

// one is the next field, of which but one item may be.
func (p *ruleParser) one(what string) Token {
	all := p.list(what)
	if len(all) > 1 {
		p.fail(p.at-1, "a rule has one %s: the comma begins another", what)
	}
	return all[0]
}

func (p *ruleParser) rule() Rule {
	r := Rule{Type: p.one("type").Text}
	if !slices.Contains(types, r.Type) {
		p.fail(0, "%q is no type of a rule: one of %s", r.Type, strings.Join(types, ", "))
	}
	r.Databases = p.list("database")
	r.Users = p.list("user")
	if r.Type != "local" {
		p.address(&r)
	}
	r.MethodAt = p.at
	r.Method = p.one("method").Text
	p.method(&r)
	r.OptionsAt = p.at
	for ; p.at < len(p.fields) && p.err == nil; p.at++ {
		for _, t := range p.fields[p.at] {
			name, value, ok := strings.Cut(t.Text, "=")
			if !ok {
				p.fail(p.at, "an option of a rule reads name=value, not %q", t.Text)
			}
			p.option(&r, name)
			r.Options = append(r.Options, Option{name, value})
		}
	}
	return r
}

func (p *ruleParser) address(r *Rule) {
	r.Address = p.one("address")
	if p.err != nil || !r.Address.Quoted && slices.Contains([]string{"all", "samehost", "samenet"}, r.Address.Text) {
		return
	}
	addr, bits, slash := strings.Cut(r.Address.Text, "/")
	ip, numeric := number(addr)
	switch {
	case slash && !numeric:
		p.fail(p.at-1, "%q is no address, and only one has a length behind a slash", addr)
	case slash:
		if n, err := strconv.Atoi(strings.TrimPrefix(bits, "+")); err != nil || n < 0 || n > ip.BitLen() {
			p.fail(p.at-1, "%q is no length of a network of %s", bits, addr)
		}
	case numeric:
		r.Mask = p.one("netmask, or a length behind a slash")
		if mask, ok := number(r.Mask.Text); p.err == nil && (!ok || mask.BitLen() != ip.BitLen()) {
			p.fail(p.at-1, "%q is no netmask of %s: write a length behind a slash, as in %s/%d", r.Mask.Text, addr, addr, ip.BitLen())
		}
	}
}

// number reads an address as getaddrinfo does where it may ask nobody: IPv4 in
// the forms of inet_aton too.
func number(s string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip, true
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 64)
		limit := uint64(255)
		if i == len(parts)-1 {
			limit = 1<<(8*(5-len(parts))) - 1
		}
		if err != nil || n > limit || strings.ContainsAny(part, "_+") {
			return netip.Addr{}, false
		}
	}
	return netip.IPv4Unspecified(), true // of which only the family is asked
}

// method refuses a method that the type does not go with.
func (p *ruleParser) method(r *Rule) {
	switch {
	case p.err != nil:
	case !slices.Contains(methods, r.Method):
		p.fail(r.MethodAt, "%q is no method: one of %s", r.Method, strings.Join(methods, ", "))
	case r.Type == "local" && r.Method == "gss":
		p.fail(r.MethodAt, "gss is not for local sockets")
	case r.Type != "local" && r.Method == "peer":
		p.fail(r.MethodAt, "peer is for local sockets only")
	case r.Type != "hostssl" && r.Method == "cert":
		p.fail(r.MethodAt, "cert is for hostssl only")
	}
}

// option refuses one that the method does not take.
func (p *ruleParser) option(r *Rule, name string) {
	if p.err != nil {
		return
	}
	of, known := options[name]
	switch {
	case strings.HasPrefix(name, "ldap"):
		of, known = []string{"ldap"}, true
	case strings.HasPrefix(name, "radius"):
		of, known = []string{"radius"}, true
	}
	switch {
	case !known:
		p.fail(p.at, "%q is no option of a rule", name)
	case of != nil && !slices.Contains(of, r.Method):
		p.fail(p.at, "%s is an option of %s only", name, strings.Join(of, ", "))
	case of == nil && r.Type != "hostssl":
		p.fail(p.at, "%s is an option of hostssl only", name)
	}
}

// check refuses what PostgreSQL would.
func check(src []byte, fields []field) error {
	tokens := make([][]Token, len(fields))
	for i, f := range fields {
		tokens[i] = f.tokens
	}
	if len(fields) == 2 && IsInclude([]string{tokens[0][0].Text, tokens[1][0].Text}) {
		return nil
	}
	if _, err := ParseRule(tokens); err != nil {
		at := fields[len(fields)-1].span.End
		if i := err.(*RuleError).Field; i < len(fields) { //nolint:errorlint // ParseRule returns no other
			at = fields[i].span.Start
		}
		return lens.ErrorAt(src, at, "%s", err)
	}
	return nil
}
