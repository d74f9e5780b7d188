package rules

import (
	"fmt"
	"strings"
)

// Markdown renders all lists as the pages of the reference.
func Markdown() string {
	var b strings.Builder
	for _, l := range Lists() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| pattern | why | example |\n|---|---|---|\n", l.Name, l.Doc)
		for _, r := range l.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(r.Pattern), escape(r.Why), code(r.Example))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// code is text as a code span within a table's cell.
func code(s string) string { return "`" + escape(s) + "`" }

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
