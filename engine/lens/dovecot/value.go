package dovecot

import (
	"strings"

	"hikae/engine/lens"
)

// Form is how dovecot takes the text of a value.
type Form int

const (
	Plain    Form = iota
	Quoted        // between quotes, which are taken away, as are backslashes
	File          // what the file of that name holds: behind a <
	Variable      // with words that begin with a $ and stand for other settings
)

// Raw is a setting's value as it is written, its lines put together.
func Raw(n *lens.Node, src []byte) string {
	if len(n.Words) == 2 {
		return n.Word(src, 1)
	}
	var parts []string
	for i := 1; i < len(n.Words); i++ {
		parts = append(parts, n.Word(src, i))
	}
	return strings.Join(parts, " ")
}

// Value is a setting's value as dovecot takes it. Of a File it is the name; the
// variables of a Variable stay.
func Value(n *lens.Node, src []byte) (string, Form) { return Read(Raw(n, src)) }

// Read takes a raw value as dovecot does.
func Read(raw string) (string, Form) {
	switch {
	case raw == "":
		return "", Plain
	case raw[0] == '<':
		return strings.TrimLeft(raw[1:], blank), File
	case raw[0] != '"' && raw[0] != '\'':
		if strings.Contains(raw, "$") {
			return raw, Variable
		}
		return raw, Plain
	case raw[len(raw)-1] == raw[0]:
		return unescape(raw[1:max(1, len(raw)-1)]), Quoted
	}
	return raw, Plain
}

// Name is the name of a block, "" where it has none.
func Name(n *lens.Node, src []byte) string {
	raw := Raw(n, src)
	if len(raw) > 1 && raw[0] == '"' {
		return unescape(strings.Trim(raw, `"`))
	}
	return raw
}

// IsSetting tells a setting from blocks, from includes and from what dovecot
// forgets.
func IsSetting(n *lens.Node, src []byte) bool {
	return !n.Block && len(n.Words) > 0 && !IsInclude(n, src)
}

// IsInclude tells whether a statement includes files: those that Raw gives a
// pattern of.
func IsInclude(n *lens.Node, src []byte) bool {
	name := n.Name(src)
	return !n.Block && (name == "!include" || name == "!include_try")
}

// Key is the name of a setting or the type of a block.
func Key(n *lens.Node, src []byte) string {
	key := n.Name(src)
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		return unescape(key[1 : len(key)-1])
	}
	return key
}

// unescape takes away the backslashes that stand before something: str_unescape.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) {
				break
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Quote writes a text between quotes. ok is false for one that no quotes hold:
// with line feeds or zero bytes.
func Quote(text string) (quoted string, ok bool) {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`, Writable(text)
}

// Writable tells whether a text can stand on one line.
func Writable(text string) bool {
	return !strings.ContainsAny(text, "\n\x00") && !strings.HasSuffix(text, "\r")
}

// Reads tells whether a raw value, written behind a key and its =, is read as it
// is, with a comment behind it too.
func Reads(raw string) bool {
	if !Writable(raw) {
		return false
	}
	f, err := Parse([]byte("k = " + raw + " # c"))
	if err != nil || len(f.Root.Nodes) != 1 {
		return false
	}
	n := f.Root.Nodes[0]
	return len(n.Words) == 2 && n.Word(f.Source(), 1) == raw
}
