package rules

import (
	"fmt"
	"strings"
)

// Markdown renders all lists as the pages of the reference.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# hikae's built-in lists\n\n")
	b.WriteString("What never crosses from one host to another, what no snapshot holds, what a standby does not do, and what is a secret;\n")
	b.WriteString("and why. A project adds to them: `hostonly` (of a host or a pair) to what is the host's own, `safe` (of a pair) to what\n")
	b.WriteString("a standby does too.\n\n")
	for _, l := range Lists() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| pattern | why | example |\n|---|---|---|\n", l.Name, l.Doc)
		for _, r := range l.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(r.Pattern), escape(r.Why), code(r.Example))
		}
		b.WriteString("\n")
	}
	keepMarkdown(&b)
	return b.String()
}

// code is text as a code span within a table's cell.
func code(s string) string { return "`" + escape(s) + "`" }

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// keepMarkdown renders the tables of keys.
func keepMarkdown(b *strings.Builder) {
	for _, l := range KeepLists() {
		fmt.Fprintf(b, "## %s\n\n%s\n\n| files | keys | why |\n|---|---|---|\n", l.Name, l.Doc)
		for _, r := range l.Rules {
			keys := make([]string, len(r.Keys))
			for i, k := range r.Keys {
				keys[i] = code(k)
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", code(r.Pattern), strings.Join(keys, ", "), escape(r.Why))
		}
		b.WriteString("\n")
	}
}
