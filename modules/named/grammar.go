package named

import (
	"slices"
	"strconv"
	"strings"

	"hikae/engine/lens"
	"hikae/engine/lens/braces"
	"hikae/engine/lens/zonefile"
)

const confFile = "/etc/named.conf"

// grammar is that of named.conf and what it includes.
func grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "named",
		Files:    []string{confFile, "/etc/named/*.conf", "/etc/named/*.zones", "/etc/named.*.zones"},
		Place:    func(string) string { return confFile },
		Parse:    parse,
		Comments: braces.Named.Comments(),
		Fold:     strings.ToLower,
	}
}

// zoneGrammar is that of zone files.
func zoneGrammar() lens.Grammar {
	return lens.Grammar{
		Name:     "zone",
		Files:    []string{varNamed + "/**/*.zone", varNamed + "/**/*.db"},
		Place:    func(name string) string { return varNamed + "/" + name },
		Parse:    zonefile.Parse,
		Comments: zonefile.Comments,
		Fold:     strings.ToUpper,
	}
}

// parse reads a file and refuses, of the statements that it knows, those whose
// form named does not take: so a semicolon is missed between two lines.
func parse(src []byte) (*lens.File, error) {
	f, err := braces.Parse(src, &braces.Named)
	if err != nil {
		return nil, err
	}
	c := &checker{src: src}
	c.top(f.Root)
	return f, c.err
}

type checker struct {
	src []byte
	err error
}

func (c *checker) fail(at int, format string, args ...any) {
	if c.err == nil {
		c.err = lens.ErrorAt(c.src, at, format, args...)
	}
}

// top looks at the statements of a file, which may be one that is included
// anywhere.
func (c *checker) top(root *lens.Node) {
	var options *lens.Node
	for _, n := range root.Nodes {
		switch statement(c.src, n) {
		case "options":
			if options != nil {
				c.fail(n.Whole.Start, "options come a second time")
			}
			options = n
			c.body(n, inOptions)
		case "acl":
			c.addresses(n)
		case "key", "logging":
			c.simple(n)
		case "masters", "primaries", "dnssec-policy": // lists and policies with names
		case "zone", "view", "include":
			c.nested(n)
		default:
			if s := known(statement(c.src, n), anywhere); s != nil {
				c.statement(n, s)
			}
		}
	}
}

// simple looks at the statements of keys and of logging: how many words each has
// at most.
func (c *checker) simple(block *lens.Node) {
	most := map[string]int{
		"algorithm": 2, "secret": 2, "buffered": 2, "print-category": 2, "print-severity": 2, "print-time": 2,
		"severity": 3, "null": 1, "stderr": 1, "syslog": 2,
	}
	for _, n := range block.Nodes {
		switch name := statement(c.src, n); {
		case name == "category":
			for _, e := range n.Nodes {
				if len(e.Words) > 1 {
					c.wrong(e, 1, "a category is a list of channels")
				}
			}
		case name == "channel":
			c.simple(n)
		case most[name] > 0 && len(n.Words) > most[name]:
			c.wrong(n, most[name], name+" takes no more than what comes before")
		}
	}
}

// nested looks at a statement that may stand in several places.
func (c *checker) nested(n *lens.Node) bool {
	switch name := statement(c.src, n); {
	case name == "include":
		if n.Block || len(n.Words) != 2 {
			c.wrong(n, 2, "include takes the name of a file")
		} else if c.src[n.Words[1].Start] != '"' {
			c.fail(n.Words[1].Start, "the name of a file stands in quotes")
		}
	case name == "key" && n.Block:
		c.simple(n)
	case name == "zone" && n.Block:
		c.body(n, inZone)
	case name == "view" && n.Block:
		c.body(n, inView)
	default:
		return false
	}
	return true
}

// statement is the name of a node in small letters, "" of an element that has
// none.
func statement(src []byte, n *lens.Node) string {
	if len(n.Words) == 0 {
		return ""
	}
	w := n.Words[0]
	if s, ok := usual[string(src[w.Start:w.End])]; ok { // without a copy
		return s
	}
	return strings.ToLower(w.Of(src))
}

// usual are names of statements as they are mostly written.
var usual = func() map[string]string {
	m := map[string]string{}
	for name := range byName {
		m[name] = name
	}
	for _, name := range []string{"acl", "include", "options", "view", "zone"} {
		m[name] = name
	}
	return m
}()

func (c *checker) body(n *lens.Node, in place) {
	var few [16]*setting
	seen := few[:0]
	for _, child := range n.Nodes {
		if c.nested(child) {
			continue
		}
		s := known(statement(c.src, child), in)
		if s == nil {
			continue
		}
		if !s.multi && slices.Contains(seen, s) {
			c.fail(child.Whole.Start, "%s comes a second time", s.name)
		}
		seen = append(seen, s)
		c.statement(child, s)
	}
}

// statement looks at a statement of a setting.
func (c *checker) statement(n *lens.Node, s *setting) {
	switch {
	case s.form == free || s.form == other:
		return
	case s.form == list:
		if !n.Block {
			c.fail(n.Whole.End-1, "%s takes a list in braces", n.Name(c.src))
			return
		}
		c.list(n, s.name)
		return
	case n.Block || len(n.Words) != 2:
		c.wrong(n, 2, s.name+" takes one value")
		return
	}
	at := n.Words[1].Start
	switch s.form {
	case text:
		if c.src[at] != '"' {
			c.fail(at, "%s takes a text in quotes", s.name)
		}
	case flag:
		if value := n.Word(c.src, 1); !isFlag(value) {
			c.fail(at, "%s is yes or no, and %s is neither", s.name, value)
		}
	case number:
		value := n.Word(c.src, 1)
		if _, err := strconv.ParseUint(value, 10, 32); err != nil {
			c.fail(at, "%s is a number of 32 bits, and %s is none", s.name, value)
		}
	}
}

// wrong is the error of a statement that has another number of words.
func (c *checker) wrong(n *lens.Node, want int, why string) {
	if len(n.Words) > want {
		w := n.Words[want]
		c.fail(w.Start, "a ; is missing before %q: %s", w.Of(c.src), why)
		return
	}
	at := n.Whole.End - 1
	if n.Block {
		at = n.Body.Start - 1
	}
	c.fail(at, "%s", why)
}

// list looks at the elements of lists whose form is known.
func (c *checker) list(n *lens.Node, name string) {
	switch {
	case strings.HasPrefix(name, "allow-"), strings.HasPrefix(name, "match-"), strings.HasPrefix(name, "listen-on"), name == "blackhole":
		c.addresses(n)
	case name == "primaries", name == "also-notify", name == "forwarders":
		for _, e := range n.Nodes {
			for i := 1; i < len(e.Words); i += 2 {
				switch w := e.Word(c.src, i); strings.ToLower(w) {
				case "port", "key", "tls", "dscp":
				default:
					c.fail(e.Words[i].Start, "a ; is missing before %q", w)
				}
			}
		}
	}
}

// addresses looks at the elements of an address match list: each is one word,
// or key and a name, behind any number of !.
func (c *checker) addresses(n *lens.Node) {
	for _, e := range n.Nodes {
		words := e.Words
		for len(words) > 0 && words[0].Of(c.src) == "!" {
			words = words[1:]
		}
		if e.Block {
			if len(words) > 0 && words[0].Of(c.src) != "!" {
				c.fail(words[0].Start, "a ; is missing behind %q", words[0].Of(c.src))
			}
			c.addresses(e)
			continue
		}
		want := 1
		if len(words) > 0 {
			want = c.oneElement(words)
		}
		if len(words) > want {
			c.fail(words[want].Start, "a ; is missing before %q", words[want].Of(c.src))
		}
	}
}

// oneElement is how many of some words make one element.
func (c *checker) oneElement(words []lens.Span) int {
	second := ""
	if len(words) > 1 {
		second = words[1].Of(c.src)
	}
	switch w := strings.TrimLeft(strings.ToLower(words[0].Of(c.src)), "!"); {
	case w == "key":
		return 2
	case w == "geoip": // geoip [db NAME] FIELD VALUE
		return len(words)
	case second == "/": // blanks may stand around it
		return 3
	case strings.HasPrefix(second, "/"), strings.HasSuffix(w, "/"):
		return 2
	}
	return 1
}
