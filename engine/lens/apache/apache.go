// Package apache is the grammar of httpd's configuration: directives, a line
// each, and sections that hold others. It reads a file exactly as httpd 2.4 does
// (ap_cfg_getline of server/util.c, ap_build_config and ap_soak_end_container of
// server/config.c, mod_macro.c):
//
//   - a backslash before the end of a line joins the next line to it, in a comment
//     too; a comment is a line that begins with #, nothing else is one;
//   - the words of a line are parted by blanks, and may be quoted: see Text;
//   - a section is <NAME ARGUMENTS>, up to a line that begins with </NAME>; the
//     arguments go to the last > of the line, and what follows that is not looked
//     at. In the tree a section is a block whose words are NAME, without the <,
//     and the arguments' words;
//   - the body of a <Macro> is text until it is used: its sections need not match,
//     and one that does not is a statement whose first word begins with <; that of
//     <Perl> and of Lua's sections is not httpd's at all.
//
// Names are as good in capitals as in small letters: see Fold.
package apache

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
)

// Grammar reads one file of httpd's configuration.
func Grammar() lens.Grammar {
	return lens.Grammar{
		Name:     "httpd",
		Files:    []string{"/etc/httpd/conf/*.conf", "/etc/httpd/conf.d/*.conf", "/etc/httpd/conf.modules.d/*.conf"},
		Place:    func(string) string { return "/etc/httpd/conf/httpd.conf" },
		Parse:    Parse,
		Comments: []string{"#"},
		Joined:   true,
		Fold:     Fold,
		Called:   Called,
	}
}

// Fold is the spelling of a directive's or section's name that all others are
// taken for.
func Fold(name string) string { return strings.ToLower(name) }

// Called is what a virtual host is called by: SERVERNAME:PORT, the port being its
// first address's. One without a ServerName is called by its addresses, and other
// sections by their words: "".
func Called(f *lens.File, n *lens.Node) string {
	src := f.Source()
	if !n.Block || Fold(n.Name(src)) != "virtualhost" || len(n.Words) < 2 {
		return ""
	}
	name := serverName(src, n)
	if name == "" {
		return ""
	}
	port := "*"
	address := Text(src, n.Words[1])
	if i := strings.LastIndexByte(address, ':'); i >= 0 && !strings.HasSuffix(address, "]") {
		port = address[i+1:]
	}
	return name + ":" + port
}

// serverName is the ServerName that stands last in a virtual host, without its
// scheme and port.
func serverName(src []byte, n *lens.Node) string {
	name := ""
	for _, c := range n.Nodes {
		switch {
		case Conditional(src, c):
			if inner := serverName(src, c); inner != "" {
				name = inner
			}
		case !c.Block && len(c.Words) > 1 && Fold(c.Name(src)) == "servername":
			name = Text(src, c.Words[1])
		}
	}
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, ":")
	return Fold(name)
}

// conditional tells whether a section is there or not as httpd reads it: the
// directives in it are those of what is around it.
func conditional(name string) bool {
	switch name {
	case "ifmodule", "ifdefine", "iffile", "ifdirective", "ifsection", "ifversion":
		return true
	}
	return false
}

// Conditional tells whether a block is a section that httpd reads or passes over
// while it reads: what is in it counts as in the block around it.
func Conditional(src []byte, n *lens.Node) bool { return n.Block && conditional(Fold(n.Name(src))) }

// foreign tells whether what is in a section is in another language.
func foreign(name string) bool {
	return name == "perl" || strings.HasPrefix(name, "luahook") || name == "luaquickhandler"
}

// Flaw is what httpd refuses of a section that it reads, and takes within one that
// it passes over: "" for nothing. Of a conditional section it is what is wrong
// with how it opens; see Unclosed and Sloppy for its end.
func Flaw(src []byte, n *lens.Node) string {
	name := n.Name(src)
	switch {
	case !n.Block:
		return ""
	case len(n.Words) == 1 && needsArguments(Fold(name)):
		return "<" + name + "> needs arguments"
	case len(n.Words) > 1 && bytes.IndexByte(src[n.Words[1].Start:n.Body.Start], '>') < 0:
		return "<" + name + " has no closing >"
	}
	return ""
}

// Unclosed tells whether a conditional section ends with its file, without a
// closing line. httpd takes that where the condition holds, and nowhere else.
func Unclosed(n *lens.Node) bool { return n.Block && n.Body.End == n.Whole.End }

// Sloppy tells whether something follows the > that closes a conditional section.
// httpd takes that where the condition does not hold, and nowhere else.
func Sloppy(src []byte, n *lens.Node) bool {
	if !n.Block || Unclosed(n) {
		return false
	}
	closing := unjoined(src[n.Body.End:n.Whole.End])
	return !strings.EqualFold(strings.Trim(string(closing), lens.Blank), "</"+n.Name(src)+">")
}
