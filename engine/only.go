package engine

import (
	"errors"
	"fmt"
	"strings"

	"hikae/engine/rules"
)

// only is a host's filter: kind:glob patterns.
type only struct {
	kinds map[string]*rules.Set
	all   bool
}

func parseOnly(patterns []string) (*only, error) {
	if len(patterns) == 0 {
		return &only{all: true}, nil
	}
	byKind := map[string][]rules.Rule{}
	for _, p := range patterns {
		kind, glob, ok := strings.Cut(p, ":")
		if !ok || kind == "" || glob == "" {
			return nil, fmt.Errorf("only: %q: want kind:pattern, as in file:/etc/named/*", p)
		}
		byKind[kind] = append(byKind[kind], rules.Rule{Pattern: glob, Why: "only"})
	}
	o := &only{kinds: map[string]*rules.Set{}}
	var errs []error
	for kind, rs := range byKind {
		set, err := rules.NewSet(rs...)
		errs = append(errs, err)
		o.kinds[kind] = set
	}
	return o, errors.Join(errs...)
}

func (o *only) match(a Addr) bool {
	if o.all {
		return true
	}
	set := o.kinds[a.Kind]
	if set == nil {
		return false
	}
	_, ok := set.Match(a.Name)
	return ok
}

// Takes tells which addresses a host takes whose only is this: kind:pattern.
func Takes(patterns []string) (func(Addr) bool, error) {
	o, err := parseOnly(patterns)
	if err != nil {
		return nil, err
	}
	return o.match, nil
}
