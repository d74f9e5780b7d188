package httpd

import (
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// attribute is what is shown of a virtual host beside its addresses.
type attribute struct {
	name, doc string
	form      form
}

// form is how an attribute is written: get reads it, and marks what it is read
// from as shown; set writes it, where it is another than get reads.
type form interface {
	typ() cty.Type
	get(v *vhost, a attribute) cty.Value
	set(e *edit, a attribute, want cty.Value)
}

func attributes() []attribute {
	return []attribute{
		{"aliases", "Other names that it answers to, * and ? standing for any.", names{"ServerAlias"}},
		{"document_root", "The directory that it serves.", word{directive: "DocumentRoot"}},
		{"tls", "Whether it speaks TLS.", flag{"SSLEngine"}},
		{"certificate", "The certificate's file, PEM, those that lead to its issuer behind it. Not shown where there are several.", word{directive: "SSLCertificateFile", several: true}},
		{"key", "The file of the certificate's private key.", word{directive: "SSLCertificateKeyFile", several: true}},
		{"chain", "The file of the certificates between the server's and its root, where they are not in the certificate's own file.", word{directive: "SSLCertificateChainFile"}},
		{"proxies", "What it hands on to other servers, in the order in which httpd looks. Where match is true, path is a regular expression. A url of \"!\" means that the path is not handed on. " +
			"Options are as in ProxyPass: \"retry=0\", \"nocanon\".", items{proxies{}}},
		{"proxies_reverse", "The answers of other servers in which URLs are put right.", items{reverses{}}},
		{"preserve_host", "Whether the servers that it hands on to see the name that was asked for.", flag{"ProxyPreserveHost"}},
		{"php_handler", "What runs its PHP files: the SetHandler of its <FilesMatch> for them, such as \"proxy:unix:/run/php-fpm/www.sock|fcgi://localhost\".", handler{}},
		{"error_log", "The file of its error log, below ServerRoot where it does not begin with /, or syslog:FACILITY, or | and a program.", word{directive: "ErrorLog"}},
		{"access_logs", "Its access logs: the file, as for error_log, the format or a format's name, and the condition for a request to be written there, \"env=NAME\" or \"expr=…\".", items{logs{}}},
		{"redirects", "Where it sends clients instead. Where match is true, from is a regular expression; status is a number or permanent, temp, seeother, gone.", items{redirects{}}},
		{"rewrite", "Whether its rewrite rules are obeyed.", flag{"RewriteEngine"}},
		{"rewrite_rules", "Its rewrite rules in their order, as written: what follows RewriteRule, and what follows each RewriteCond before it.", items{rewrites{}}},
	}
}

// named are the statements of a server with one of some names.
func (v *vhost) named(names ...string) []statement {
	var found []statement
	for _, s := range v.statements {
		for _, n := range names {
			if !s.node.Block && strings.EqualFold(s.name(), n) {
				found = append(found, s)
			}
		}
	}
	return found
}

// texts are the words of a statement behind its name. Only what is UTF-8 can be
// shown.
func (s statement) texts() ([]string, bool) {
	texts := make([]string, 0, len(s.node.Words))
	for _, w := range s.node.Words[1:] {
		t := apache.Text(s.file.Source(), w)
		if !utf8.ValidString(t) {
			return nil, false
		}
		texts = append(texts, t)
	}
	return texts, true
}

// word is a directive with one argument, of which the last counts. Of one that
// may be there several times, each counts.
type word struct {
	directive string
	several   bool
}

func (word) typ() cty.Type { return cty.String }

func (w word) get(v *vhost, _ attribute) cty.Value {
	ss := v.named(w.directive)
	if len(ss) == 0 || w.several && len(ss) > 1 {
		return cty.NullVal(cty.String)
	}
	s := ss[len(ss)-1]
	texts, ok := s.texts()
	if !ok || len(texts) != 1 {
		return cty.NullVal(cty.String)
	}
	lens.Show(s.node)
	return cty.StringVal(texts[0])
}

func (w word) set(e *edit, a attribute, want cty.Value) {
	ss := e.v.named(w.directive)
	switch {
	case want.IsNull():
		e.removeAll(a, ss)
		return
	case w.several && len(ss) > 1:
		e.fail(a.name, "%s is written %d times in %q: edit it there.", w.directive, len(ss), e.v.name)
		return
	}
	e.one(a, w.directive, ss, want.AsString())
}

// flag is a directive that says on or off.
type flag struct{ directive string }

func (flag) typ() cty.Type { return cty.Bool }

func (f flag) get(v *vhost, _ attribute) cty.Value {
	ss := v.named(f.directive)
	if len(ss) == 0 {
		return cty.NullVal(cty.Bool)
	}
	s := ss[len(ss)-1]
	texts, _ := s.texts()
	on := len(texts) == 1 && strings.EqualFold(texts[0], "on")
	if !on && (len(texts) != 1 || !strings.EqualFold(texts[0], "off")) {
		return cty.NullVal(cty.Bool)
	}
	lens.Show(s.node)
	return cty.BoolVal(on)
}

func (f flag) set(e *edit, a attribute, want cty.Value) {
	ss := e.v.named(f.directive)
	if want.IsNull() {
		e.removeAll(a, ss)
		return
	}
	text := "off"
	if want.True() {
		text = "on"
	}
	if len(ss) > 0 { // as it was written: On, ON
		switch before, _ := ss[len(ss)-1].texts(); {
		case len(before) != 1 || before[0] == "":
		case before[0] == strings.ToUpper(before[0]):
			text = strings.ToUpper(text)
		case before[0][0] <= 'Z':
			text = strings.ToUpper(text[:1]) + text[1:]
		}
	}
	e.one(a, f.directive, ss, text)
}

// handler is the SetHandler of the section for PHP's files.
type handler struct{}

func (handler) typ() cty.Type { return cty.String }

// find returns the sections for PHP's files that hand them on, and the last
// SetHandler in each.
func (handler) find(v *vhost) (sections, handlers []statement) {
	for _, s := range v.statements {
		if !s.node.Block || s.name() != "filesmatch" && s.name() != "files" {
			continue
		}
		src := s.file.Source()
		if !strings.Contains(strings.ToLower(s.node.Words[len(s.node.Words)-1].Of(src)), "php") {
			continue
		}
		for i := len(s.node.Nodes) - 1; i >= 0; i-- {
			inner := statement{file: s.file, node: s.node.Nodes[i], own: s.own}
			if inner.node.Block || len(inner.node.Words) != 2 || inner.name() != "sethandler" {
				continue
			}
			if texts, ok := inner.texts(); ok && strings.HasPrefix(texts[0], "proxy:") {
				sections, handlers = append(sections, s), append(handlers, inner)
				break
			}
		}
	}
	return sections, handlers
}

func (h handler) get(v *vhost, _ attribute) cty.Value {
	sections, handlers := h.find(v)
	if len(handlers) != 1 {
		return cty.NullVal(cty.String)
	}
	lens.Show(sections[0].node, handlers[0].node)
	texts, _ := handlers[0].texts()
	return cty.StringVal(texts[0])
}

func (h handler) set(e *edit, a attribute, want cty.Value) {
	sections, handlers := h.find(e.v)
	switch {
	case len(handlers) > 1:
		e.fail(a.name, "%q has several sections with a handler for PHP's files: edit them there.", e.v.name)
	case want.IsNull() && len(sections[0].node.Nodes) == 1:
		e.removeAll(a, sections)
	case want.IsNull():
		e.removeAll(a, handlers)
	case !strings.HasPrefix(want.AsString(), "proxy:"):
		e.fail(a.name, "%q is no handler that hands on: it begins with proxy:, as proxy:unix:/run/php-fpm/www.sock|fcgi://localhost.", want.AsString())
	case len(handlers) == 1 && handlers[0].own:
		e.setWord(a, handlers[0], 1, want.AsString())
	case len(handlers) == 1:
		e.fail(a.name, "The handler of %q is said in %s, which it includes: change it there.", e.v.name, handlers[0].file.Path)
	default:
		if text, ok := e.quote(a, want.AsString(), `"`); ok {
			e.add("<FilesMatch \\.(php|phar)$>\n" + e.v.file.Tree.Step() + "SetHandler " + text + "\n</FilesMatch>")
		}
	}
}
