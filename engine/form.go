package engine

import (
	"regexp"
	"sync"
)

// Form is a regular expression that is compiled when it is first asked for.
// Compiling all of them takes longer than reading all accounts of a host, and a
// program that lives for a tenth of a second asks for few.
func Form(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
