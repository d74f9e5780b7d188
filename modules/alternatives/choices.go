package alternatives

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"hikae/hosts"
)

// choices is a file of /var/lib/alternatives: what a name may stand for.
type choices struct {
	manual bool
	all    []choice
}

type choice struct {
	target   string
	family   string // "" for none
	priority int
}

const maxFile = 1 << 20

func load(r hosts.Reader, name string) (*choices, error) {
	text, err := hosts.ReadFile(r, path.Join(dir, name), maxFile)
	if err != nil {
		return nil, err
	}
	c, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path.Join(dir, name), err)
	}
	return c, nil
}

// parse reads such a file (chkconfig's alternatives.c): the mode; the link; a
// name and a link for each one that follows; an empty line; then for each choice
// its path, its priority ("@FAMILY@" before it, an init script behind it), and a
// path, perhaps empty, for each that follows.
func parse(text string) (*choices, error) {
	lines := strings.Split(text, "\n")
	next := func() (string, bool) {
		if len(lines) == 0 {
			return "", false
		}
		l := lines[0]
		lines = lines[1:]
		return l, true
	}
	c := &choices{}
	switch mode, _ := next(); mode {
	case "manual":
		c.manual = true
	case "auto":
	default:
		return nil, fmt.Errorf("mode %q: want auto or manual", mode)
	}
	if link, ok := next(); !ok || !path.IsAbs(link) {
		return nil, fmt.Errorf("link %q: want a path", link)
	}
	followers := 0
	for {
		name, ok := next()
		if !ok {
			return nil, errors.New("it ends among the names that follow")
		}
		if name == "" {
			break
		}
		if _, ok := next(); !ok {
			return nil, errors.New("it ends among the names that follow")
		}
		followers++
	}
	for {
		target, ok := next()
		if !ok || target == "" {
			return c, nil
		}
		if !path.IsAbs(target) {
			return nil, fmt.Errorf("choice %q: want a path", target)
		}
		rank, _ := next()
		one, err := parseRank(rank)
		if err != nil {
			return nil, err
		}
		one.target = target
		c.all = append(c.all, one)
		for range followers {
			if _, ok := next(); !ok {
				return nil, fmt.Errorf("it ends within the choice %q", target)
			}
		}
	}
}

// parseRank reads [@FAMILY@]PRIORITY [INITSCRIPT].
func parseRank(s string) (choice, error) {
	var c choice
	rest, ok := strings.CutPrefix(s, "@")
	if ok {
		if c.family, rest, ok = strings.Cut(rest, "@"); !ok || c.family == "" {
			return c, fmt.Errorf("priority %q: want @FAMILY@NUMBER", s)
		}
	}
	number, _, _ := strings.Cut(rest, " ")
	var err error
	if c.priority, err = strconv.Atoi(number); err != nil {
		return c, fmt.Errorf("priority %q: want a number", s)
	}
	return c, nil
}

// wish says what a target is chosen by: its family, which has the same name
// when the path has another version in it; else its path.
func (c *choices) wish(target string) string {
	for _, one := range c.all {
		if one.target == target && one.family != "" && c.best(one.family) == target {
			return one.family
		}
	}
	return target
}

// best is the path of a family's member with the highest priority.
func (c *choices) best(family string) string {
	target, priority := "", 0
	for _, one := range c.all {
		if one.family == family && (target == "" || one.priority > priority) {
			target, priority = one.target, one.priority
		}
	}
	return target
}

// path gives the path of a wish, which must be one of the choices, and be
// written as it will be read.
func (c *choices) path(wish string) (string, error) {
	target := wish
	if !path.IsAbs(wish) {
		target = c.best(wish)
	}
	for _, one := range c.all {
		if one.target != target {
			continue
		}
		if as := c.wish(target); as != wish {
			return "", fmt.Errorf("%s is of a family: write to = %q", target, as)
		}
		return target, nil
	}
	return "", fmt.Errorf("%s is none of its choices here: %s", wish, c)
}

func (c *choices) String() string {
	var all []string
	for _, one := range c.all {
		all = append(all, c.wish(one.target))
	}
	return strings.Join(all, ", ")
}
