package postfix

import (
	"path"
	"regexp"
	"strings"

	"hikae/engine/lens"
)

// Ref is a place where main.cf or master.cf names a lookup table whose text is
// lines of key and value: DATABASE_README.
type Ref struct {
	Type   string // "hash", "lmdb", "texthash"
	Path   string // of the text
	Param  string // the parameter that names it
	Node   *lens.Node
	Master bool // the node is one of master.cf
}

// Compiled tells whether Postfix reads the table in a form that postmap(1) or
// postalias(1) makes of the text.
func (r Ref) Compiled() bool { return r.Type != "texthash" }

// Alias tells whether the text is one of aliases(5).
func (r Ref) Alias() bool { return r.Param == "alias_maps" || r.Param == "alias_database" }

// Password tells whether the table holds passwords for other servers.
func (r Ref) Password() bool { return strings.HasSuffix(r.Param, "sasl_password_maps") }

var tableRef = regexp.MustCompile(`(?:^|[\s,{:(=])(hash|btree|dbm|cdb|lmdb|texthash):(/[^\s,{}()]+)`)

// Refs finds the tables that main.cf and master.cf name, in the order of the
// files; either may be nil. What a $name stands for is looked up in main.cf.
func Refs(main, master *lens.File) []Ref {
	var refs []Ref
	vars := settings(main)
	look := func(param, value string, n *lens.Node, inMaster bool) {
		for _, m := range tableRef.FindAllStringSubmatch(expand(value, vars), -1) {
			refs = append(refs, Ref{Type: m[1], Path: path.Clean(m[2]), Param: param, Node: n, Master: inMaster})
		}
	}
	if main != nil {
		for _, n := range main.Root.Nodes {
			if len(n.Words) > 0 {
				look(n.Name(main.Source()), Value(main.Source(), n), n, false)
			}
		}
	}
	if master != nil {
		src := master.Source()
		for _, n := range master.Root.Nodes {
			for _, w := range n.Words[min(Columns, len(n.Words)):] {
				param, value, _ := strings.Cut(strings.TrimPrefix(Unbrace(Text(src, w)), "-o"), "=")
				look(strings.Trim(param, lens.Blank), value, n, true)
			}
		}
	}
	return refs
}

// settings are the parameters that main.cf sets, and those that are usual.
func settings(main *lens.File) map[string]string {
	vars := map[string]string{"config_directory": "/etc/postfix", "default_database_type": "hash"}
	if main != nil {
		for _, n := range main.Root.Nodes {
			if len(n.Words) > 0 {
				vars[n.Name(main.Source())] = Value(main.Source(), n)
			}
		}
	}
	return vars
}

// variable is a $name, ${name} or $(name) of a value.
var variable = regexp.MustCompile(`\$(?:\{\w+\}|\(\w+\)|\w+)`)

const (
	maxNesting  = 8
	maxExpanded = 1 << 16
)

// expand replaces what a value refers to, as far as that is known.
func expand(s string, vars map[string]string) string {
	for range maxNesting {
		if !strings.Contains(s, "$") || len(s) > maxExpanded {
			break
		}
		s = variable.ReplaceAllStringFunc(s, func(ref string) string {
			if v, ok := vars[strings.Trim(ref, "${}()")]; ok {
				return v
			}
			return ref
		})
	}
	return s
}
