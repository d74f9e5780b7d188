// Package fcontext finds the SELinux context that a policy gives a path: what
// matchpathcon(8) prints, without running it.
//
// The rules (selabel_file(5)): file_contexts, then file_contexts.homedirs, then
// file_contexts.local; of the entries whose type of file fits, one that is a
// plain path and equals it wins, otherwise the last whose expression matches the
// whole of it. Before that, file_contexts.subs and then .subs_dist may put
// another path in its place.
//
// The text files are read, never the compiled *.bin beside them: those hold the
// same entries, in a form that changes with the version of PCRE. An expression
// that Go's regexp cannot take (a look-ahead) gives ErrExpression for just the
// paths that it might match.
package fcontext

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// None is the context of a path that the policy leaves alone.
const None = "<<none>>"

// ErrExpression says that the policy may decide on the path by an expression
// that this package cannot read.
var ErrExpression = errors.New("the policy has an expression that cannot be read here")

// maxFile bounds each file, in bytes. RHEL 8's file_contexts has 400 kB.
const maxFile = 64 << 20

// Policy is the path rules of one policy. It may be used by several goroutines.
type Policy struct {
	specs []spec
	// The newest spec that is a plain path, by path; and of the others, by the
	// directory that all they match is in. Older ones follow by spec.older.
	literals, stems map[string]int32
	regexps         sync.Map // compiled, by spec: most are never asked for
	subs            []sub
	distSubs        []sub
}

// A sub puts to in the place of from at the front of a path.
type sub struct{ from, to string }

// spec is one line of a file.
type spec struct {
	expr    string
	kind    fs.FileMode // type bits; anyKind: all
	context string
	prefix  string // what everything that it matches begins with
	tail    tail
	older   int32 // the next older spec with the same key of the index; none: -1
}

const anyKind = fs.FileMode(1)

// tail is what follows the prefix, where it is of the common forms that need
// no regexp.
type tail int

const (
	tailRegexp tail = iota
	tailNothing
	tailAny   // .*
	tailBelow // (/.*)?
)

// Load reads the policy whose file_contexts is name in fsys.
func Load(fsys fs.FS, name string) (*Policy, error) {
	const usual = 4096
	p := &Policy{specs: make([]spec, 0, usual), literals: make(map[string]int32, usual/4), stems: make(map[string]int32, usual/4)}
	for _, f := range []struct {
		suffix string
		parse  func(line string) error
	}{
		{"", p.addSpec},
		{".homedirs", p.addSpec},
		{".local", p.addSpec},
		{".subs", func(l string) error { p.subs = addSub(p.subs, l); return nil }},
		{".subs_dist", func(l string) error { p.distSubs = addSub(p.distSubs, l); return nil }},
	} {
		err := eachLine(fsys, name+f.suffix, f.parse)
		if err != nil && (f.suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("cannot read SELinux policy: %w", err)
		}
	}
	for i := range p.specs {
		p.index(int32(i))
	}
	return p, nil
}

func eachLine(fsys fs.FS, name string, fn func(line string) error) error {
	text, err := readText(fsys, name)
	if err != nil {
		return err
	}
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := fn(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return nil
}

// readText reads a file at once: what is made of it are parts of the one string.
func readText(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(int(min(max(fi.Size(), 0), maxFile)))
	_, err = io.Copy(&text, io.LimitReader(f, maxFile))
	return text.String(), err
}

var kinds = map[string]fs.FileMode{
	"--": 0, "-d": fs.ModeDir, "-l": fs.ModeSymlink, "-s": fs.ModeSocket, "-p": fs.ModeNamedPipe,
	"-b": fs.ModeDevice, "-c": fs.ModeDevice | fs.ModeCharDevice,
}

func (p *Policy) addSpec(line string) error {
	var field [3]string
	n := 0
	for f := range strings.FieldsSeq(line) {
		if n < len(field) {
			field[n] = f
		}
		n++
	}
	s := spec{kind: anyKind}
	switch n {
	case 2:
		s.expr, s.context = field[0], field[1]
	case 3:
		var ok bool
		if s.kind, ok = kinds[field[1]]; !ok {
			return fmt.Errorf("type of file %q is not known", field[1])
		}
		s.expr, s.context = field[0], field[2]
	default:
		return fmt.Errorf("%d fields, want an expression, perhaps a type of file, and a context", n)
	}
	s.prefix, s.tail = split(s.expr)
	p.specs = append(p.specs, s)
	return nil
}

// addSub puts the newest first: of several that fit, the last in the file wins.
func addSub(subs []sub, line string) []sub {
	if f := strings.Fields(line); len(f) >= 2 {
		return slices.Insert(subs, 0, sub{f[0], f[1]})
	}
	return subs
}

// index files a spec where Lookup will find it: a plain path by itself,
// another by the deepest directory that must be part of what it matches.
func (p *Policy) index(i int32) {
	s := &p.specs[i]
	in, key := p.literals, s.prefix
	if s.tail != tailNothing {
		in, key = p.stems, s.prefix[:max(strings.LastIndexByte(s.prefix, '/'), 0)]
	}
	s.older = newest(in, key)
	in[key] = i
}

// newest gives the newest spec of a key, -1 for none.
func newest(in map[string]int32, key string) int32 {
	if i, ok := in[key]; ok {
		return i
	}
	return -1
}

// split parts an expression into the text that all it matches begins with,
// unescaped, and the kind of rest.
func split(expr string) (prefix string, t tail) {
	if alternatives(expr) {
		return "", tailRegexp
	}
	var b []byte // what was unescaped of expr[:from]
	from := 0
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\' && i+1 < len(expr) && !isWord(expr[i+1]):
			b = append(b, expr[from:i]...)
			i++
			from = i
			continue
		case strings.IndexByte(`.^$?*+|[({\`, c) < 0:
			continue
		}
		prefix, rest := joined(b, expr[from:i]), expr[i:]
		switch {
		case rest == ".*":
			return prefix, tailAny
		case rest == "(/.*)?":
			return prefix, tailBelow
		case (c == '?' || c == '*' || c == '{') && prefix != "":
			prefix = prefix[:len(prefix)-1] // may be there or not
		}
		return prefix, tailRegexp
	}
	return joined(b, expr[from:]), tailNothing
}

func joined(b []byte, s string) string {
	if len(b) == 0 {
		return s
	}
	return string(append(b, s...))
}

// alternatives reports whether a | may stand outside parentheses. A bracket
// that holds parentheses or bars makes it say yes too often, which only costs time.
func alternatives(expr string) bool {
	depth := 0
	for i := 0; i < len(expr); i++ {
		switch expr[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth <= 0 {
				return true
			}
		}
	}
	return false
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Lookup gives the context of what is or might be at path, an absolute clean
// path, None where the policy wants none. mode's type bits say what it is.
func (p *Policy) Lookup(path string, mode fs.FileMode) (string, error) {
	path = p.substitute(path)
	for i := newest(p.literals, path); i >= 0; i = p.specs[i].older {
		if p.specs[i].fits(mode) {
			return p.specs[i].context, nil
		}
	}
	best := int32(-1)
	for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '/') {
		if end < len(path) && path[end] != '/' {
			break
		}
		for i := newest(p.stems, path[:end]); i > best; i = p.specs[i].older {
			ok, err := p.matches(i, path, mode)
			if err != nil {
				return "", err
			}
			if ok {
				best = i
				break
			}
		}
		if end == 0 {
			break
		}
	}
	if best < 0 {
		return None, nil
	}
	return p.specs[best].context, nil
}

func (s *spec) fits(mode fs.FileMode) bool { return s.kind == anyKind || s.kind == mode.Type() }

func (p *Policy) matches(i int32, path string, mode fs.FileMode) (bool, error) {
	s := &p.specs[i]
	if !s.fits(mode) || !strings.HasPrefix(path, s.prefix) {
		return false, nil
	}
	switch rest := path[len(s.prefix):]; s.tail {
	case tailAny:
		return true, nil
	case tailBelow:
		return rest == "" || rest[0] == '/', nil
	}
	re, err := p.regexp(i)
	if err != nil {
		return false, fmt.Errorf("cannot find the SELinux context of %s: %w: %s", path, ErrExpression, s.expr)
	}
	return re.MatchString(path), nil
}

// regexp compiles a spec's expression when it is first needed.
func (p *Policy) regexp(i int32) (*regexp.Regexp, error) {
	if known, ok := p.regexps.Load(i); ok {
		if re := known.(*regexp.Regexp); re != nil {
			return re, nil
		}
		return nil, ErrExpression
	}
	// ^ and $ bind to the outermost alternatives only, as libselinux has it.
	re, err := regexp.Compile("(?s)^" + p.specs[i].expr + "$")
	p.regexps.Store(i, re)
	return re, err
}

func (p *Policy) substitute(path string) string {
	return replace(p.distSubs, replace(p.subs, path))
}

func replace(subs []sub, path string) string {
	for _, s := range subs {
		rest, ok := strings.CutPrefix(path, s.from)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		if s.to == "/" && rest != "" {
			return rest
		}
		return s.to + rest
	}
	return path
}

// SameButUser reports whether two contexts are equal in all but the SELinux
// user, which says who made a file and not what it is: selabel_cmp and
// restorecon(8) leave it out too.
func SameButUser(a, b string) bool {
	if a == b {
		return true
	}
	_, a, ok := strings.Cut(a, ":")
	_, b, ok2 := strings.Cut(b, ":")
	return ok && ok2 && a == b
}
