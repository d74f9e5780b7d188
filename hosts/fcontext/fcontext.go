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
	"bufio"
	"bytes"
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
	specs    []spec
	literals map[string][]int // specs that are plain paths, by path
	stems    map[string][]int // the others, by the directory that all they match is in
	subs     []sub
	distSubs []sub
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
	compile func() (*regexp.Regexp, error)
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
	p := &Policy{literals: map[string][]int{}, stems: map[string][]int{}}
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
		p.index(i)
	}
	return p, nil
}

func eachLine(fsys fs.FS, name string, fn func(line string) error) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	s := bufio.NewScanner(io.LimitReader(f, maxFile))
	s.Buffer(make([]byte, 0, 4096), 1<<20)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := fn(string(line)); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

var kinds = map[string]fs.FileMode{
	"--": 0, "-d": fs.ModeDir, "-l": fs.ModeSymlink, "-s": fs.ModeSocket, "-p": fs.ModeNamedPipe,
	"-b": fs.ModeDevice, "-c": fs.ModeDevice | fs.ModeCharDevice,
}

func (p *Policy) addSpec(line string) error {
	field := strings.Fields(line)
	s := spec{kind: anyKind}
	switch len(field) {
	case 2:
		s.expr, s.context = field[0], field[1]
	case 3:
		var ok bool
		if s.kind, ok = kinds[field[1]]; !ok {
			return fmt.Errorf("type of file %q is not known", field[1])
		}
		s.expr, s.context = field[0], field[2]
	default:
		return fmt.Errorf("%d fields, want an expression, perhaps a type of file, and a context", len(field))
	}
	s.prefix, s.tail = split(s.expr)
	// ^ and $ bind to the outermost alternatives only, as libselinux has it.
	s.compile = sync.OnceValues(func() (*regexp.Regexp, error) { return regexp.Compile("(?s)^" + s.expr + "$") })
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
func (p *Policy) index(i int) {
	s := &p.specs[i]
	if s.tail == tailNothing {
		p.literals[s.prefix] = append(p.literals[s.prefix], i)
		return
	}
	dir := s.prefix[:max(strings.LastIndexByte(s.prefix, '/'), 0)]
	p.stems[dir] = append(p.stems[dir], i)
}

// split parts an expression into the text that all it matches begins with,
// unescaped, and the kind of rest.
func split(expr string) (prefix string, t tail) {
	if alternatives(expr) {
		return "", tailRegexp
	}
	var b []byte
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\' && i+1 < len(expr) && !isWord(expr[i+1]):
			i++
			b = append(b, expr[i])
			continue
		case strings.IndexByte(`.^$?*+|[({\`, c) < 0:
			b = append(b, c)
			continue
		}
		rest := expr[i:]
		switch {
		case rest == ".*":
			return string(b), tailAny
		case rest == "(/.*)?":
			return string(b), tailBelow
		case (c == '?' || c == '*' || c == '{') && len(b) > 0:
			b = b[:len(b)-1] // may be there or not
		}
		return string(b), tailRegexp
	}
	return string(b), tailNothing
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
	for _, i := range slices.Backward(p.literals[path]) {
		if p.specs[i].fits(mode) {
			return p.specs[i].context, nil
		}
	}
	best := -1
	for end := len(path); end >= 0; end = strings.LastIndexByte(path[:end], '/') {
		if end < len(path) && path[end] != '/' {
			break
		}
		for _, i := range slices.Backward(p.stems[path[:end]]) {
			if i < best {
				break
			}
			ok, err := p.specs[i].matches(path, mode)
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

func (s *spec) matches(path string, mode fs.FileMode) (bool, error) {
	if !s.fits(mode) || !strings.HasPrefix(path, s.prefix) {
		return false, nil
	}
	switch rest := path[len(s.prefix):]; s.tail {
	case tailAny:
		return true, nil
	case tailBelow:
		return rest == "" || rest[0] == '/', nil
	}
	re, err := s.compile()
	if err != nil {
		return false, fmt.Errorf("cannot find the SELinux context of %s: %w: %s", path, ErrExpression, s.expr)
	}
	return re.MatchString(path), nil
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
