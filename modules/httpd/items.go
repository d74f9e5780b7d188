package httpd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// line is a directive to be written: its arguments as words, or raw.
type line struct {
	directive string
	words     []string
	raw       string
}

// item is one of a list, and the statements that it is written in.
type item struct {
	value      cty.Value
	statements []statement
}

// codec reads and writes the items of a list.
type codec interface {
	elem() cty.Type
	directives() []string
	// read takes an item off statements: how many are its own, and whether it
	// can be shown.
	read(ss []statement) (value cty.Value, n int, ok bool)
	write(value cty.Value) ([]line, error)
}

// items is a list of which each item has directives of its own.
type items struct{ codec }

func (l items) typ() cty.Type { return cty.List(l.elem()) }

func (l items) list(v *vhost) []item {
	var found []item
	for ss := v.named(l.directives()...); len(ss) > 0; {
		value, n, ok := l.read(ss)
		if ok {
			found = append(found, item{value, ss[:n]})
		}
		ss = ss[n:]
	}
	return found
}

func (l items) get(v *vhost, _ attribute) cty.Value {
	var values []cty.Value
	for _, it := range l.list(v) {
		values = append(values, it.value)
		for _, s := range it.statements {
			lens.Show(s.node)
		}
	}
	return listVal(l.elem(), values)
}

func str(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

func text(v cty.Value, attr string) string {
	if v = v.GetAttr(attr); v.IsNull() {
		return ""
	}
	return v.AsString()
}

func yesOrNull(b bool) cty.Value {
	if b {
		return cty.True
	}
	return cty.NullVal(cty.Bool)
}

func isTrue(v cty.Value, attr string) bool {
	v = v.GetAttr(attr)
	return !v.IsNull() && v.True()
}

func strs(list []string) cty.Value {
	var vals []cty.Value
	for _, s := range list {
		vals = append(vals, cty.StringVal(s))
	}
	return listVal(cty.String, vals)
}

func texts(v cty.Value) []string {
	if v.IsNull() {
		return nil
	}
	var list []string
	for _, e := range v.AsValueSlice() {
		list = append(list, e.AsString())
	}
	return list
}

// proxies are ProxyPass and ProxyPassMatch.
type proxies struct{}

func (proxies) elem() cty.Type {
	return cty.Object(map[string]cty.Type{"path": cty.String, "url": cty.String, "match": cty.Bool, "options": cty.List(cty.String)})
}

func (proxies) directives() []string { return []string{"ProxyPass", "ProxyPassMatch"} }

func (proxies) read(ss []statement) (cty.Value, int, bool) {
	words, ok := ss[0].texts()
	if !ok || len(words) < 2 || words[0] == "~" || words[0] == "" || words[1] == "" {
		return cty.NilVal, 1, false
	}
	for _, w := range words[1:] {
		if secretIn(w) {
			return cty.NilVal, 1, false
		}
	}
	return cty.ObjectVal(map[string]cty.Value{
		"path": cty.StringVal(words[0]), "url": cty.StringVal(words[1]),
		"match": yesOrNull(ss[0].name() == "proxypassmatch"), "options": strs(words[2:]),
	}), 1, true
}

// secretIn tells whether a word of a proxy's holds what is not to be shown: the
// secret of AJP, a password in a URL.
func secretIn(word string) bool {
	_, rest, url := strings.Cut(word, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.HasPrefix(strings.ToLower(word), "secret=") || url && strings.Contains(host, "@")
}

func (proxies) write(v cty.Value) ([]line, error) {
	path, url := text(v, "path"), text(v, "url")
	if path == "" || url == "" || path == "~" {
		return nil, fmt.Errorf("a proxy needs a path and a url")
	}
	options := texts(v.GetAttr("options"))
	for _, w := range append([]string{url}, options...) {
		if secretIn(w) {
			return nil, fmt.Errorf("a secret of a proxy is not written in HCL: write it in the file")
		}
	}
	directive := "ProxyPass"
	if isTrue(v, "match") {
		directive = "ProxyPassMatch"
	}
	return []line{{directive: directive, words: append([]string{path, url}, options...)}}, nil
}

// reverses are ProxyPassReverse.
type reverses struct{}

func (reverses) elem() cty.Type {
	return cty.Object(map[string]cty.Type{"path": cty.String, "url": cty.String})
}

func (reverses) directives() []string { return []string{"ProxyPassReverse"} }

func (reverses) read(ss []statement) (cty.Value, int, bool) {
	words, ok := ss[0].texts()
	if !ok || len(words) != 2 || words[0] == "" || words[1] == "" || secretIn(words[1]) {
		return cty.NilVal, 1, false
	}
	return cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal(words[0]), "url": cty.StringVal(words[1])}), 1, true
}

func (reverses) write(v cty.Value) ([]line, error) {
	path, url := text(v, "path"), text(v, "url")
	if path == "" || url == "" || secretIn(url) {
		return nil, fmt.Errorf("it needs a path and a url, one without a password")
	}
	return []line{{directive: "ProxyPassReverse", words: []string{path, url}}}, nil
}

// logs are CustomLog.
type logs struct{}

func (logs) elem() cty.Type {
	return cty.Object(map[string]cty.Type{"file": cty.String, "format": cty.String, "condition": cty.String})
}

func (logs) directives() []string { return []string{"CustomLog"} }

func (logs) read(ss []statement) (cty.Value, int, bool) {
	words, ok := ss[0].texts()
	if !ok || len(words) < 2 || len(words) > 3 || words[0] == "" || words[1] == "" || len(words) == 3 && words[2] == "" {
		return cty.NilVal, 1, false
	}
	condition := ""
	if len(words) == 3 {
		condition = words[2]
	}
	return cty.ObjectVal(map[string]cty.Value{"file": cty.StringVal(words[0]), "format": cty.StringVal(words[1]), "condition": str(condition)}), 1, true
}

func (logs) write(v cty.Value) ([]line, error) {
	words := []string{text(v, "file"), text(v, "format")}
	if words[0] == "" || words[1] == "" {
		return nil, fmt.Errorf("a log needs a file and a format, such as combined")
	}
	if c := text(v, "condition"); c != "" {
		words = append(words, c)
	}
	return []line{{directive: "CustomLog", words: words}}, nil
}

// redirects are Redirect and its kin.
type redirects struct{}

func (redirects) elem() cty.Type {
	return cty.Object(map[string]cty.Type{"from": cty.String, "to": cty.String, "status": cty.String, "match": cty.Bool})
}

func (redirects) directives() []string {
	return []string{"Redirect", "RedirectMatch", "RedirectPermanent", "RedirectTemp"}
}

// isStatus tells whether a word is what Redirect takes for a status: mod_alias.c,
// add_redirect_internal.
func isStatus(w string) bool {
	switch strings.ToLower(w) {
	case "permanent", "temp", "seeother", "gone":
		return true
	}
	return w != "" && strings.Trim(w, "0123456789") == ""
}

func (redirects) read(ss []statement) (cty.Value, int, bool) {
	words, ok := ss[0].texts()
	status := ""
	switch name := ss[0].name(); {
	case !ok || len(words) == 0:
		return cty.NilVal, 1, false
	case name == "redirectpermanent":
		status = "permanent"
	case name == "redirecttemp":
		status = "temp"
	case isStatus(words[0]):
		status, words = words[0], words[1:]
	}
	if len(words) == 0 || len(words) > 2 || len(words) == 1 && status == "" || words[0] == "" || words[len(words)-1] == "" {
		return cty.NilVal, 1, false
	}
	to := ""
	if len(words) == 2 {
		to = words[1]
	}
	return cty.ObjectVal(map[string]cty.Value{
		"from": cty.StringVal(words[0]), "to": str(to), "status": str(status), "match": yesOrNull(ss[0].name() == "redirectmatch"),
	}), 1, true
}

func (redirects) write(v cty.Value) ([]line, error) {
	from, to, status := text(v, "from"), text(v, "to"), text(v, "status")
	l := line{directive: "Redirect"}
	if isTrue(v, "match") {
		l.directive = "RedirectMatch"
	}
	switch {
	case status != "" && !isStatus(status):
		return nil, fmt.Errorf("%q is no status of a redirect: a number, or permanent, temp, seeother or gone", status)
	case from == "" || to == "" && status == "" || isStatus(from) && status == "":
		return nil, fmt.Errorf("a redirect needs from, and to or a status that sends nowhere")
	case status != "":
		l.words = append(l.words, status)
	}
	if l.words = append(l.words, from); to != "" {
		l.words = append(l.words, to)
	}
	return []line{l}, nil
}

// rewrites are RewriteRule with the RewriteConds before it. mod_rewrite parts
// their words by rules of its own: they are shown as written.
type rewrites struct{}

func (rewrites) elem() cty.Type {
	return cty.Object(map[string]cty.Type{"conditions": cty.List(cty.String), "rule": cty.String})
}

func (rewrites) directives() []string { return []string{"RewriteCond", "RewriteRule"} }

// raw is what a directive has behind its name, as httpd sees it.
func (s statement) raw() string {
	if len(s.node.Words) < 2 {
		return ""
	}
	span := lens.Span{Start: s.node.Words[1].Start, End: s.node.Words[len(s.node.Words)-1].End}
	return apache.Raw(joins().ReplaceAll(s.file.Source()[span.Start:span.End], []byte(" ")))
}

// joins is where a line goes on behind blanks.
var joins = engine.Form(`[ \t]+\\\r?\n[ \t]*|\\\r?\n[ \t]+`)

func (rewrites) read(ss []statement) (cty.Value, int, bool) {
	n := 0
	var conditions []string
	for n < len(ss) && ss[n].name() == "rewritecond" {
		conditions = append(conditions, ss[n].raw())
		n++
	}
	if n == len(ss) { // of no rule
		return cty.NilVal, n, false
	}
	rule := ss[n].raw()
	ok := rule != "" && utf8.ValidString(rule)
	for i, c := range conditions {
		ok = ok && c != "" && utf8.ValidString(c) && ss[i].own == ss[n].own && ss[i].file == ss[n].file
	}
	return cty.ObjectVal(map[string]cty.Value{"conditions": strs(conditions), "rule": str(rule)}), n + 1, ok
}

func (rewrites) write(v cty.Value) ([]line, error) {
	var lines []line
	for _, c := range texts(v.GetAttr("conditions")) {
		lines = append(lines, line{directive: "RewriteCond", raw: c})
	}
	lines = append(lines, line{directive: "RewriteRule", raw: text(v, "rule")})
	for _, l := range lines {
		if strings.ContainsAny(l.raw, "\n\r\x00") || strings.Trim(l.raw, lens.Blank) != l.raw || strings.HasSuffix(l.raw, `\`) || len(strings.Fields(l.raw)) < 2 {
			return nil, fmt.Errorf("%q is not what may follow %s on a line", l.raw, l.directive)
		}
	}
	return lines, nil
}
