package firewalld

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hikae/engine/lens"
	"hikae/engine/lens/xml"
)

// The parts of a rich rule in the order in which they are said:
// firewalld.richlanguage(5).
const (
	partSource = iota
	partDestination
	partElement
	partLog
	partAudit
	partAction
	parts
)

// shape is what an element of a rule may have.
type shape struct {
	part  int
	attrs []string
	need  int  // how many of the first attributes are wanted
	limit bool // a limit may be in it
}

var shapes = map[string]shape{
	"source":        {part: partSource, attrs: []string{"address", "mac", "ipset"}},
	"destination":   {part: partDestination, attrs: []string{"address", "ipset"}},
	"service":       {part: partElement, attrs: []string{"name"}, need: 1},
	"port":          {part: partElement, attrs: []string{"port", "protocol"}, need: 2},
	"source-port":   {part: partElement, attrs: []string{"port", "protocol"}, need: 2},
	"protocol":      {part: partElement, attrs: []string{"value"}, need: 1},
	"icmp-block":    {part: partElement, attrs: []string{"name"}, need: 1},
	"icmp-type":     {part: partElement, attrs: []string{"name"}, need: 1},
	"masquerade":    {part: partElement},
	"forward-port":  {part: partElement, attrs: []string{"port", "protocol", "to-port", "to-addr"}, need: 2},
	"tcp-mss-clamp": {part: partElement, attrs: []string{"value"}},
	"log":           {part: partLog, attrs: []string{"prefix", "level"}, limit: true},
	"nflog":         {part: partLog, attrs: []string{"group", "prefix", "queue-size"}, limit: true},
	"audit":         {part: partAudit, limit: true},
	"accept":        {part: partAction, limit: true},
	"reject":        {part: partAction, attrs: []string{"type"}, limit: true},
	"drop":          {part: partAction, limit: true},
	"mark":          {part: partAction, attrs: []string{"set"}, need: 1, limit: true},
}

// clause is one element of a rule.
type clause struct {
	name  string
	not   bool
	attrs map[string]string
	limit map[string]string // value, and burst from firewalld 2 on
}

// rule is a rich rule.
type rule struct {
	family   string
	priority int
	parts    [parts]*clause
}

// String is the rule in firewalld's own words, as firewall-cmd lists it.
func (r *rule) String() string {
	var b strings.Builder
	b.WriteString("rule")
	if r.priority != 0 {
		fmt.Fprintf(&b, ` priority="%d"`, r.priority)
	}
	if r.family != "" {
		fmt.Fprintf(&b, ` family="%s"`, r.family)
	}
	for _, c := range r.parts {
		if c == nil {
			continue
		}
		b.WriteString(" " + c.name)
		if c.not {
			b.WriteString(" NOT")
		}
		form := ` %s="%s"`
		if c.name == "mark" {
			form = " %s=%s"
		}
		for _, a := range shapes[c.name].attrs {
			if v := c.attrs[a]; v != "" {
				fmt.Fprintf(&b, form, a, v)
			}
		}
		if c.limit != nil {
			b.WriteString(" limit")
			for _, a := range []string{"value", "burst"} {
				if v := c.limit[a]; v != "" {
					fmt.Fprintf(&b, ` %s="%s"`, a, v)
				}
			}
		}
	}
	return b.String()
}

// add takes an element in and says what is wrong with it.
func (r *rule) add(c *clause) error {
	s, known := shapes[c.name]
	switch {
	case !known:
		return fmt.Errorf("%q is no element of a rule", c.name)
	case r.parts[s.part] != nil:
		return fmt.Errorf("a rule has one of %s and %s", r.parts[s.part].name, c.name)
	case c.not && s.part > partDestination:
		return fmt.Errorf("NOT is for source and destination")
	case c.limit != nil && (!s.limit || c.limit["value"] == ""):
		return fmt.Errorf("a limit has a value, and is for what is logged, audited or done")
	}
	for _, a := range s.attrs[:s.need] {
		if c.attrs[a] == "" {
			return fmt.Errorf("%s wants %s", c.name, a)
		}
	}
	if s.part <= partDestination && len(c.attrs) != 1 {
		return fmt.Errorf("%s wants one of %s", c.name, strings.Join(s.attrs, ", "))
	}
	for a, v := range c.attrs {
		if !slices.Contains(s.attrs, a) {
			return fmt.Errorf("%s has no %s", c.name, a)
		}
		if strings.ContainsAny(v, "\"\\\n\r") || !xml.Writable(v) {
			return fmt.Errorf("%s of %s holds what a rule cannot say", a, c.name)
		}
	}
	if mac := c.attrs["mac"]; mac != "" {
		c.attrs["mac"] = strings.ToUpper(mac)
	}
	if rate, per, ok := strings.Cut(c.limit["value"], "/"); ok && slices.Contains([]string{"second", "minute", "hour", "day"}, per) {
		c.limit["value"] = rate + "/" + per[:1]
	}
	r.parts[s.part] = c
	return nil
}

// set takes an attribute of the rule itself in.
func (r *rule) set(name, value string) error {
	switch name {
	case "family":
		if value != "ipv4" && value != "ipv6" {
			return fmt.Errorf("the family is ipv4 or ipv6")
		}
		r.family = value
	case "priority":
		n, err := strconv.Atoi(value)
		if err != nil || n < -32768 || n > 32767 {
			return fmt.Errorf("a priority is a whole number from -32768 to 32767")
		}
		r.priority = n
	default:
		return fmt.Errorf("a rule has no %s", name)
	}
	return nil
}

// ruleOf reads a rule that stands in a file; false where it says more than the
// rich language can.
func ruleOf(r xml.Reader, n *lens.Node) (*rule, bool) {
	out := &rule{}
	attrs := r.Attributes(n)
	if len(attrs) > 2 {
		return nil, false
	}
	for _, a := range attrs {
		if v, ok := r.Attr(n, a); !ok || out.set(a, v) != nil {
			return nil, false
		}
	}
	for _, e := range n.Nodes {
		c, ok := clauseOf(r, e)
		if !ok || out.add(c) != nil {
			return nil, false
		}
	}
	return out, n.Block && out.check() == nil
}

func clauseOf(r xml.Reader, n *lens.Node) (*clause, bool) {
	c := &clause{name: n.Name(r.Source()), attrs: map[string]string{}}
	if _, text := r.TextWord(n); text || !r.IsElement(n) {
		return nil, false
	}
	attrs := r.Attributes(n)
	if len(attrs) > 5 {
		return nil, false // no element of a rule has so many, and to look for each takes long
	}
	for _, a := range attrs {
		v, ok := r.Attr(n, a)
		switch {
		case !ok:
			return nil, false
		case a == "invert":
			c.not = strings.EqualFold(v, "yes") || strings.EqualFold(v, "true")
		case v != "":
			c.attrs[a] = v
		}
	}
	for _, in := range n.Nodes {
		limit, ok := clauseOf(r, in)
		if !ok || limit.name != "limit" || c.limit != nil || limit.limit != nil || limit.not {
			return nil, false
		}
		for a := range limit.attrs {
			if a != "value" && a != "burst" {
				return nil, false
			}
		}
		c.limit = limit.attrs
	}
	return c, true
}

// xml writes the rule as firewalld does, indented by step.
func (r *rule) xml(x xml.Reader, step string) string {
	var b strings.Builder
	b.WriteString("<rule")
	if r.priority != 0 {
		fmt.Fprintf(&b, ` priority="%d"`, r.priority)
	}
	if r.family != "" {
		b.WriteString(" family=" + x.Quote(r.family))
	}
	b.WriteString(">\n")
	for _, c := range r.parts {
		if c == nil {
			continue
		}
		b.WriteString(step + "<" + c.name)
		for _, a := range shapes[c.name].attrs {
			if v := c.attrs[a]; v != "" {
				b.WriteString(" " + a + "=" + x.Quote(v))
			}
		}
		if c.not {
			b.WriteString(` invert="True"`)
		}
		if c.limit == nil {
			b.WriteString("/>\n")
			continue
		}
		b.WriteString(">\n" + step + step + "<limit value=" + x.Quote(c.limit["value"]))
		if burst := c.limit["burst"]; burst != "" {
			b.WriteString(" burst=" + x.Quote(burst))
		}
		b.WriteString("/>\n" + step + "</" + c.name + ">\n")
	}
	b.WriteString("</rule>")
	return b.String()
}
