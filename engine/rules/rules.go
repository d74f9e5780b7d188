// Package rules holds hikae's built-in lists and the reason for each entry:
// what is the host's own and never crosses, what is left out of a snapshot
// because it is derived or volatile, what a standby holds back, and what is a
// secret. Patterns are over raw absolute paths or unit names.
package rules

// Rule is one entry of a list.
type Rule struct {
	Pattern string // see Match
	Why     string // for the person who asks why it is not carried
}
