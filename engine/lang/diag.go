package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// failure is one error at a place: what is wrong, and what to do about it.
func failure(at hcl.Range, wrong, remedy string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: wrong, Detail: remedy, Subject: &at}
}

// withheld marks a diagnostic whose source line is not to be shown, because
// it holds what should have been a secret.
type withheld struct{}

func withhold(d *hcl.Diagnostic) *hcl.Diagnostic {
	d.Extra = withheld{}
	return d
}

// nearest finds the known name that was probably meant, or "".
func nearest(name string, known []string) string {
	// Two letters exchanged are two edits.
	best, limit := "", 3
	switch n := len(name); {
	case n < 4:
		limit = 1
	case n < 8:
		limit = 2
	}
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := levenshtein.Distance(name, k, nil); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// meant helps with a name that is not known: the nearest one, or all of them.
func meant(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return fmt.Sprintf("Did you mean %q?", n)
	}
	switch len(known) {
	case 0:
		return "There are none."
	case 1:
		return "There is only " + known[0] + "."
	}
	if len(known) > 30 {
		return fmt.Sprintf("None of the %d that there are is like it.", len(known))
	}
	return "There are: " + strings.Join(slices.Sorted(slices.Values(known)), ", ") + "."
}

// bySource puts diagnostics in the order of the source and leaves out what is
// told twice of one place.
func bySource(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		switch {
		case a.Subject == nil || b.Subject == nil:
			return 0
		case a.Subject.Filename != b.Subject.Filename:
			return strings.Compare(a.Subject.Filename, b.Subject.Filename)
		}
		return a.Subject.Start.Byte - b.Subject.Start.Byte
	})
	return slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return a.Subject != nil && b.Subject != nil && *a.Subject == *b.Subject && a.Summary == b.Summary
	})
}

// place writes where a range begins, for a diagnostic that names two.
func place(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// Nearest is for the end of a message about a name that is not known: what
// was probably meant, or nothing.
func Nearest(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
