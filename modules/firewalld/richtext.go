package firewalld

import (
	"fmt"
	"strings"
)

// parseRule reads a rule in firewalld's own words.
func parseRule(s string) (*rule, error) {
	words, err := richWords(s)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 || words[0] != (richWord{name: "rule"}) {
		return nil, fmt.Errorf("a rich rule begins with the word rule")
	}
	r := &rule{}
	var c *clause
	into := func(name, value string) error {
		if c == nil {
			return r.set(name, value)
		}
		to := c.attrs
		if c.limit != nil {
			to = c.limit
		}
		if to[name] != "" {
			return fmt.Errorf("%s is said twice", name)
		}
		to[name] = value
		return nil
	}
	for _, w := range words[1:] {
		switch {
		case w.isAttr:
			if w.value == "" {
				return nil, fmt.Errorf("%s has no value", w.name)
			}
			err = into(w.name, w.value)
		case strings.EqualFold(w.name, "not") && c != nil && c.limit == nil:
			c.not = true
		case w.name == "limit" && c != nil && c.limit == nil:
			c.limit = map[string]string{}
		default:
			if c != nil {
				err = r.add(c)
			}
			c = &clause{name: w.name, attrs: map[string]string{}}
		}
		if err != nil {
			return nil, err
		}
	}
	if c != nil {
		if err := r.add(c); err != nil {
			return nil, err
		}
	}
	return r, r.check()
}

// richWord is a word of a rule: an element's name, or name="value".
type richWord struct {
	name, value string
	isAttr      bool
}

func richWords(s string) ([]richWord, error) {
	var words []richWord
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		end := strings.IndexAny(s, " \t=")
		if end < 0 {
			return append(words, richWord{name: s}), nil
		}
		w := richWord{name: s[:end], isAttr: s[end] == '='}
		s = s[end:]
		if w.isAttr {
			s = s[1:]
			if s != "" && (s[0] == '"' || s[0] == '\'') {
				closing := strings.IndexByte(s[1:], s[0])
				if closing < 0 {
					return nil, fmt.Errorf("a quote of the rule is not closed")
				}
				w.value, s = s[1:1+closing], s[closing+2:]
				if s != "" && s[0] != ' ' && s[0] != '\t' {
					return nil, fmt.Errorf("text behind the quotes of %s", w.name)
				}
			} else {
				stop := strings.IndexAny(s+" ", " \t")
				w.value, s = s[:stop], s[stop:]
			}
		}
		words = append(words, w)
	}
	return words, nil
}
