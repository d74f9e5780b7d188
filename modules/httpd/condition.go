package httpd

import (
	"path"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/apache"
)

// builtin are the modules that are part of httpd's program somewhere: EL loads
// them in conf.modules.d/00-base.conf.
func (c *config) builtin() {
	for _, m := range []string{"core", "so", "http", "unixd", "watchdog", "log_config", "logio", "version"} {
		c.modules[m+"_module"], c.modules["mod_"+m+".c"] = true, true
	}
	c.modules["core.c"], c.modules["http_core.c"] = true, true
}

// loaded takes in a module that is loaded, by the names that <IfModule> knows it
// by: its own, and its source's, which is mostly its file's.
func (c *config) loaded(name, file string) {
	base := strings.TrimSuffix(path.Base(file), ".so")
	c.modules[name], c.modules[base+".c"] = true, true
	short := strings.TrimSuffix(name, "_module")
	if mpm, ok := strings.CutPrefix(short, "mpm_"); ok {
		short = mpm
		c.modules[mpm+".c"] = true
	}
	c.modules["mod_"+short+".c"] = true
}

// verdict is what is known of a condition.
type verdict int

const (
	unknown verdict = iota
	no
	yes
)

func verdictOf(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// holds tells whether what is in a conditional section is read. Where that
// cannot be known, it is.
func (c *config) holds(n *lens.Node, p place) bool {
	src := p.file.Source()
	words := c.words(p, n)[1:]
	if len(words) == 0 {
		return true
	}
	// Only one that no quote hides is a not.
	arg, not := words[0], strings.HasPrefix(n.Word(src, 1), "!")
	if not {
		rest := []byte(n.Word(src, 1)[1:])
		arg = c.resolve(apache.Text(rest, lens.Span{End: len(rest)}))
		if arg == "" && len(words) > 1 {
			arg = words[1]
		}
	}
	v := c.verdict(apache.Fold(n.Name(src)), arg, words)
	if not && v != unknown {
		v = verdictOf(v == no)
	}
	switch {
	case v != yes && apache.Unclosed(n):
		c.fail(p.rangeOf(n), "Section is not closed", "<%s> has no closing line.", n.Name(src))
	case v == yes && apache.Unclosed(n):
		c.say(hcl.DiagWarning, p.rangeOf(n), "Section is not closed", "<%s> has no closing line: httpd takes the file only as long as the condition holds.", n.Name(src))
	case v == yes && apache.Sloppy(src, n):
		c.fail(p.rangeOf(n), "Section is not closed", "What follows the > of </%s> keeps httpd from taking it for the closing line.", n.Name(src))
	}
	return v != no
}

// verdict judges a condition, which words say, arg the first of them.
func (c *config) verdict(name, arg string, words []string) verdict {
	switch name {
	case "ifmodule":
		if c.modules[arg] || c.loads {
			return verdictOf(c.modules[arg])
		}
	case "ifdefine":
		if _, ok := c.defines[arg]; ok || c.whole {
			return verdictOf(ok)
		}
	case "iffile":
		if !path.IsAbs(arg) {
			arg = c.root + "/" + arg
		}
		if _, err := engine.Resolve(c.tree, arg); err == nil {
			return yes
		}
	case "ifversion":
		return c.version(words)
	}
	return unknown
}

// version judges <IfVersion>: of httpd 2.4, whose last number is the host's own.
func (c *config) version(words []string) verdict {
	op, want := "=", words[0]
	if len(words) > 1 {
		op, want = strings.TrimPrefix(words[0], "!"), words[1]
	}
	var have, wanted [2]int
	have = [2]int{2, 4}
	parts := strings.Split(want, ".")
	for i := range min(len(parts), 2) {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return unknown
		}
		wanted[i] = n
	}
	sign := 0
	for i := range have {
		if have[i] != wanted[i] {
			sign = 1
			if have[i] < wanted[i] {
				sign = -1
			}
			break
		}
	}
	if sign == 0 && len(parts) > 2 {
		return unknown
	}
	if sign == 0 { // 2.4 is 2.4.0, and older than what runs
		sign = 1
	}
	switch op {
	case "=", "==":
		return verdictOf(false)
	case ">", ">=":
		return verdictOf(sign > 0)
	case "<", "<=":
		return verdictOf(sign < 0)
	}
	return unknown
}

var variable = engine.Form(`\$\{([^}]*)\}`)

// resolve puts the values of variables in their places: one that nothing
// defines stays as it is written.
func (c *config) resolve(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return variable().ReplaceAllStringFunc(text, func(v string) string {
		name, fallback, has := strings.Cut(v[2:len(v)-1], "?=")
		if value, ok := c.defines[name]; ok && value != "" {
			return value
		}
		if has {
			return fallback
		}
		return v
	})
}
