package postgresql

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postgresql"
)

// rule makes one edit of a rule.
func (p *put) rule(e engine.Edit) {
	r := p.named[e.Addr.Name]
	switch {
	case e.Absent && r == nil:
	case e.Absent:
		for _, r := range append([]*rule{r}, r.twins...) {
			r.file.Tree.Remove(r.node)
			p.Touch(r.file, e.Addr)
		}
	case r == nil:
		p.newRule(e)
	case !r.plain():
		p.Fail(e.RangeOf(""), "Rule cannot be edited", "It holds bytes that are not UTF-8.")
	default:
		p.changeRule(r, e)
	}
}

// wished is the method and the options that a rule is to have.
func (p *put) wished(method string, have map[string]string, e engine.Edit) (string, map[string]string, bool) {
	if v, ok := e.Attrs[attrMethod]; ok {
		if v.IsNull() {
			p.Fail(e.RangeOf(attrMethod), "Rule without a method", "To take the rule out, write absent = true.")
			return "", nil, false
		}
		method = v.AsString()
	}
	v, ok := e.Attrs[attrOptions]
	if !ok {
		return method, have, true
	}
	want := map[string]string{}
	if !v.IsNull() {
		for name, o := range v.AsValueMap() {
			if o.IsNull() {
				continue
			}
			if slices.Contains(secretOptions, name) {
				p.Fail(e.RangeOf(attrOptions), "A password is no option", "%s would stand in the project as it is. Write the file, with content from secret().", name)
				return "", nil, false
			}
			want[name] = o.AsString()
		}
	}
	for _, name := range secretOptions {
		if secret, ok := have[name]; ok {
			want[name] = secret
		}
	}
	return method, want, true
}

// checked refuses a line that PostgreSQL would, or would read as another.
func (p *put) checked(e engine.Edit, line, method string, options map[string]string) bool {
	f, err := postgresql.ParseHBA([]byte(line))
	if err == nil && len(f.Root.Nodes) == 1 && utf8.ValidString(line) {
		var r postgresql.Rule
		if r, err = postgresql.ParseRule(fieldsOf(f.Source(), f.Root.Nodes[0])); err == nil {
			got := map[string]string{}
			for _, o := range r.Options {
				got[o.Name] = o.Value
			}
			if nameOf(r) == e.Addr.Name && r.Method == method && maps.Equal(got, options) {
				return true
			}
		}
	}
	why := fmt.Sprintf("%q does not read as it is meant", line)
	if syntax, ok := errors.AsType[*lens.SyntaxError](err); ok {
		why = syntax.Text
	}
	p.Fail(e.RangeOf(""), "Rule that PostgreSQL would not take", "%s.", why)
	return false
}

func optionText(name, value string) string {
	return name + "=" + quoteValue(value)
}

func quoteValue(v string) string {
	if v == "" {
		return `""`
	}
	return postgresql.QuoteToken(postgresql.Token{Text: v, Quoted: strings.ContainsAny(v, " ,#\"\t")})
}

// lineOf is a new line, in the columns of initdb's.
func lineOf(name, method string, options map[string]string) string {
	words := splitName(name)
	var b strings.Builder
	for i, width := range []int{8, 16, 16, 24} {
		word := ""
		switch {
		case i < len(words) && i < 3:
			word = words[i]
		case i == 3 && len(words) > 3:
			word = strings.Join(words[3:], "    ")
		}
		fmt.Fprintf(&b, "%-*s", width, word)
		if len(word) >= width {
			b.WriteByte(' ')
		}
	}
	b.WriteString(method)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		b.WriteString(" " + optionText(name, options[name]))
	}
	return b.String()
}

// splitName parts a name at the blanks that are in no quotes.
func splitName(name string) []string {
	var words []string
	start, quoted := 0, false
	for i := range len(name) + 1 {
		switch {
		case i == len(name) || name[i] == ' ' && !quoted:
			words = append(words, name[start:i])
			start = i + 1
		case name[i] == '"':
			quoted = !quoted
		}
	}
	return words
}

func (p *put) newRule(e engine.Edit) {
	method, options, ok := p.wished("", nil, e)
	if !ok {
		return
	}
	if method == "" {
		p.Fail(e.RangeOf(""), "Rule without a method", "The rule %q is not there yet: say its method.", e.Addr.Name)
		return
	}
	line := lineOf(e.Addr.Name, method, options)
	if !p.checked(e, line, method, options) {
		return
	}
	if p.hba == nil {
		p.Fail(e.RangeOf(""), "No cluster to set it in", "%s/pg_hba.conf is not known. initdb makes it; a snapshot carries it where the project declares paths = [%q].", p.dir, p.dir)
		return
	}
	if at, ok := p.before(e); !ok {
		return
	} else if at != nil {
		at.file.Tree.InsertBefore(at.node, line)
		p.Touch(at.file, e.Addr)
		return
	}
	p.hba.Tree.Append(line)
	p.Touch(p.hba, e.Addr)
}

// before is the rule that one is to come before; nil where nothing is said.
func (p *put) before(e engine.Edit) (*rule, bool) {
	v := e.Attrs[attrBefore]
	if v == cty.NilVal || v.IsNull() {
		return nil, true
	}
	at := p.named[v.AsString()]
	if at == nil || at.name == e.Addr.Name {
		p.Fail(e.RangeOf(attrBefore), "No such rule", "pg_hba.conf has no other rule %q to come before.", v.AsString())
		return nil, false
	}
	return at, true
}

func (p *put) changeRule(r *rule, e engine.Edit) {
	have := map[string]string{}
	for _, o := range r.Options {
		have[o.Name] = o.Value
	}
	method, options, ok := p.wished(r.Method, have, e)
	if !ok {
		return
	}
	at, ok := p.before(e)
	if !ok {
		return
	}
	same := method == r.Method && maps.Equal(options, have)
	if !same && !p.checked(e, lineOf(r.name, method, options), method, options) {
		return
	}
	switch {
	case at != nil && at.index < r.index: // it has to move
		text := r.node.Whole.Of(r.file.Source())
		if !same || strings.ContainsAny(text, "\n#") {
			text = lineOf(r.name, method, options)
		}
		r.file.Tree.Remove(r.node)
		at.file.Tree.InsertBefore(at.node, text)
		p.Touch(at.file, e.Addr)
	case same:
		return
	default:
		p.writeRule(r, method, have, options)
	}
	p.Touch(r.file, e.Addr)
}

// writeRule changes the method and the options of a rule where they stand.
func (p *put) writeRule(r *rule, method string, have, options map[string]string) {
	words := r.node.Words
	if method != r.Method {
		r.file.Replace(words[r.MethodAt], method)
	}
	if maps.Equal(have, options) {
		return
	}
	var text []string
	said := map[string]bool{}
	for _, o := range r.Options {
		if v, stays := options[o.Name]; stays && !said[o.Name] {
			text = append(text, optionText(o.Name, v))
			said[o.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if !said[name] {
			text = append(text, optionText(name, options[name]))
		}
	}
	line := strings.Join(text, " ")
	last := words[len(words)-1].End
	if r.OptionsAt == len(words) { // there were none
		r.file.Insert(last, " "+line)
		return
	}
	first := words[r.OptionsAt].Start
	if line == "" {
		first = words[r.MethodAt].End
	}
	r.file.Replace(lens.Span{Start: first, End: last}, line)
}
