package httpd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/modules/internal/lensput"
)

// Bounds, in bytes, on what one use of a macro makes, and all of them.
const (
	maxMacro = 1 << 20
	maxMade  = 16 << 20
)

// macro is a text with parameters: mod_macro.
type macro struct {
	params []string
	body   string
}

// define takes in a macro.
func (c *config) define(n *lens.Node, p place) {
	words := c.words(p, n)
	if len(words) < 2 {
		return
	}
	params := slices.DeleteFunc(words[2:], func(w string) bool { return strings.HasPrefix(w, "/") })
	c.macros[strings.ToLower(words[1])] = &macro{params: params, body: n.Body.Of(p.file.Source())}
}

// use reads what a macro makes of its arguments.
func (c *config) use(words []string, n *lens.Node, p place) {
	at := p.rangeOf(n)
	if len(words) == 0 {
		return
	}
	name := strings.ToLower(words[0])
	m, args := c.macros[name], words[1:]
	switch {
	case m == nil && !c.whole: // it may be defined in what is not here
		return
	case m == nil:
		c.fail(at, "Macro is not defined", "httpd has read no macro %q up to here.", words[0])
		return
	case len(args) != len(m.params):
		c.fail(at, "Macro is used with other arguments", "The macro %q has %d parameters and is used with %d arguments.", words[0], len(m.params), len(args))
		return
	case slices.Contains(p.file.within, name):
		c.fail(at, "Macro uses itself", "httpd refuses the use of the macro %q within itself.", words[0])
		return
	}
	if c.reads++; c.reads > maxFiles {
		return
	}
	text, err := m.text(args)
	if c.made += len(text); err == nil && c.made > maxMade {
		err = fmt.Errorf("macros make more than %d bytes", maxMade)
	}
	if err == nil {
		f := &file{File: lensput.FileOf(at.Filename, []byte(text)), made: true, within: append(slices.Clone(p.file.within), name)}
		if f.Tree, err = apache.Parse(f.Source()); err == nil {
			p.file, p.own, p.use = f, false, at
			c.walk(f.Tree.Root.Nodes, p)
			return
		}
	}
	c.say(hcl.DiagWarning, at, "Macro is not followed", "What the macro %q makes here is not shown: %s.", words[0], err)
}

// text puts arguments in the places of parameters, the longest name first.
func (m *macro) text(args []string) (string, error) {
	order := make([]int, len(args))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(m.params[b]), len(m.params[a])) })
	var pairs []string
	size := len(m.body)
	for _, i := range order {
		if m.params[i] == "" {
			return "", errors.New("it has a parameter without a name")
		}
		pairs = append(pairs, m.params[i], args[i])
		size += strings.Count(m.body, m.params[i]) * len(args[i])
	}
	if size > maxMacro {
		return "", fmt.Errorf("it makes more than %d bytes", maxMacro)
	}
	if len(pairs) == 0 { // a replacer of nothing finds the empty text
		return m.body, nil
	}
	return strings.NewReplacer(pairs...).Replace(m.body), nil
}
