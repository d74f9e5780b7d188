package rules

import (
	"errors"
	"fmt"
	"strings"
)

// maxAlternatives bounds what the braces of one pattern expand to.
const maxAlternatives = 256

// Match reports whether a path or name as a whole is what the pattern says.
// Both are raw bytes, compared element by element between the slashes:
//
//   - any bytes within one element, none included
//     ?      one byte
//     [a-z]  one byte of a class; [!a-z] or [^a-z] one that is not
//     **     as a whole element: any number of elements, none included;
//     at the end at least one, so /x/** is all that lies below /x
//     {a,b}  either; it may hold slashes and be nested
//     \c     the byte c
//
// A pattern that does not compile (see Validate) matches nothing. For many
// paths or patterns use a Set.
func Match(pattern, path string) bool {
	s, err := NewSet(Rule{Pattern: pattern})
	if err != nil {
		return false
	}
	_, ok := s.Match(path)
	return ok
}

// Escape gives the pattern that matches a path and nothing else.
func Escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(`*?[]{},!^\\`, path[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// Validate reports what is wrong with a pattern.
func Validate(pattern string) error {
	_, err := NewSet(Rule{Pattern: pattern})
	return err
}

// expand replaces braces by all that they stand for.
func expand(pattern string) ([]string, error) {
	done := []string{}
	todo := []string{pattern}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		before, options, after, err := firstBraces(p)
		if err != nil {
			return nil, err
		}
		if options == nil {
			done = append(done, p)
			continue
		}
		if len(done)+len(todo)+len(options) > maxAlternatives {
			return nil, fmt.Errorf("its braces stand for more than %d patterns", maxAlternatives)
		}
		for _, o := range options {
			todo = append(todo, before+o+after)
		}
	}
	return done, nil
}

// firstBraces splits a pattern around its first {a,b}; options is nil where
// there is none.
func firstBraces(p string) (before string, options []string, after string, err error) {
	depth, open, start := 0, 0, 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '[':
			n := classLen(p[i:])
			if n == 0 {
				return "", nil, "", errors.New("a [ is not closed")
			}
			i += n - 1
		case '{':
			if depth == 0 {
				open, start = i, i+1
			}
			depth++
		case ',':
			if depth == 1 {
				options = append(options, p[start:i])
				start = i + 1
			}
		case '}':
			if depth == 0 {
				return "", nil, "", errors.New("a } was not opened")
			}
			if depth--; depth == 0 {
				return p[:open], append(options, p[start:i]), p[i+1:], nil
			}
		}
	}
	if depth > 0 {
		return "", nil, "", errors.New("a { is not closed")
	}
	return "", nil, "", nil
}

// classLen returns the length of the class that s begins with, brackets
// included; 0 where it is not closed within its element. A ] that comes first
// is a member.
func classLen(s string) int {
	i := 1
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		i++
	}
	for first := i; i < len(s) && s[i] != '/'; i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		if s[i] == ']' && i > first {
			return i + 1
		}
	}
	return 0
}

// token is one part of an element's pattern.
type token struct {
	star   bool
	any    bool // ?
	class  *[256]bool
	letter byte
}

func (t token) matches(c byte) bool {
	return t.any || (t.class == nil && t.letter == c) || (t.class != nil && t.class[c])
}

// element is the pattern of one element. Most are literal, or have one star
// and nothing else of note: those never look at tokens.
type element struct {
	literal        bool
	prefix, suffix string // around the single star; prefix is the whole of a literal
	tokens         []token
}

// parseElement compiles the pattern between two slashes.
func parseElement(p string) (element, error) {
	if !strings.ContainsAny(p, `*?[\`) { // as most are
		return element{literal: true, prefix: p}, nil
	}
	var ts []token
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*':
			if len(ts) > 0 && ts[len(ts)-1].star {
				return element{}, errors.New("** must stand alone between slashes")
			}
			ts = append(ts, token{star: true})
		case '?':
			ts = append(ts, token{any: true})
		case '[':
			n := classLen(p[i:])
			if n == 0 {
				return element{}, errors.New("a [ is not closed")
			}
			class, err := parseClass(p[i+1 : i+n-1])
			if err != nil {
				return element{}, err
			}
			ts = append(ts, token{class: class})
			i += n - 1
		case '\\':
			if i++; i == len(p) {
				return element{}, errors.New(`it ends in a single \`)
			}
			ts = append(ts, token{letter: p[i]})
		default:
			ts = append(ts, token{letter: p[i]})
		}
	}
	return simplify(ts), nil
}

// parseClass reads what stands between the brackets.
func parseClass(s string) (*[256]bool, error) {
	var in [256]bool
	negated := s[0] == '!' || s[0] == '^'
	if negated {
		s = s[1:]
	}
	next := func() byte {
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
		}
		c := s[0]
		s = s[1:]
		return c
	}
	for s != "" {
		lo := next()
		hi := lo
		if len(s) > 1 && s[0] == '-' {
			s = s[1:]
			hi = next()
		}
		if hi < lo {
			return nil, fmt.Errorf("the range %q is backwards", string([]byte{lo, '-', hi}))
		}
		for c := int(lo); c <= int(hi); c++ {
			in[c] = true
		}
	}
	if negated {
		for c := range in {
			in[c] = !in[c]
		}
	}
	return &in, nil
}

// simplify finds the elements that can be compared as strings.
func simplify(ts []token) element {
	var parts [2][]byte
	stars := 0
	for _, t := range ts {
		switch {
		case t.star:
			if stars++; stars > 1 {
				return element{tokens: ts}
			}
		case t.any || t.class != nil:
			return element{tokens: ts}
		default:
			parts[stars] = append(parts[stars], t.letter)
		}
	}
	return element{literal: stars == 0, prefix: string(parts[0]), suffix: string(parts[1])}
}

// matches compares without recursion: on a mismatch the last star takes one
// byte more, which is enough, and at worst len(s) times len(tokens).
func (e *element) matches(s string) bool {
	if e.tokens == nil {
		if e.literal {
			return s == e.prefix
		}
		return len(s) >= len(e.prefix)+len(e.suffix) && strings.HasPrefix(s, e.prefix) && strings.HasSuffix(s, e.suffix)
	}
	t, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		switch {
		case t < len(e.tokens) && e.tokens[t].star:
			star, from = t, i
			t++
		case t < len(e.tokens) && e.tokens[t].matches(s[i]):
			t++
			i++
		case star >= 0:
			from++
			t, i = star+1, from
		default:
			return false
		}
	}
	for t < len(e.tokens) && e.tokens[t].star {
		t++
	}
	return t == len(e.tokens)
}
