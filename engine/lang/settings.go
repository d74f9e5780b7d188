package lang

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// hikae reads the one hikae block. Its values are plain: what version can read
// the project must be known before the project is.
func (l *loader) hikae(blocks []*hclsyntax.Block) {
	for i, b := range blocks {
		if i > 0 {
			l.fail(b.DefRange(), "hikae is set twice", "It is set first at "+place(blocks[0].DefRange())+". Put all in one block.")
			continue
		}
		if len(b.Labels) > 0 {
			l.fail(b.DefRange(), "hikae has no label", "Write hikae { ... }.")
		}
		h := &l.project.Hikae
		h.Range = b.DefRange()
		h.RequiredVersion = l.plainText(b, "required_version")
		if h.RequiredVersion != "" && !l.version(b, h.RequiredVersion) {
			return
		}
		l.reader(b, nil, []string{"required_version", "store", "login_deadline"}, []string{"budget"})
		h.Budget = l.budget(b)
		if s := l.plainText(b, "store"); s != "" {
			h.Store = s
		}
		l.loginDeadline(b)
	}
}

func (l *loader) loginDeadline(b *hclsyntax.Block) {
	s := l.plainText(b, "login_deadline")
	if s == "" {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > engine.MaxLoginDeadline {
		l.fail(b.Body.Attributes["login_deadline"].Expr.Range(), fmt.Sprintf("login_deadline %q is no time that can be waited", s),
			fmt.Sprintf(`Write a time from 1s to %v, as in "30s".`, engine.MaxLoginDeadline))
		return
	}
	l.project.Hikae.LoginDeadline = d
}

// plainText is an attribute that is a string with no references.
func (l *loader) plainText(b *hclsyntax.Block, name string) string {
	a, given := b.Body.Attributes[name]
	if !given {
		return ""
	}
	if len(a.Expr.Variables()) > 0 {
		l.fail(a.Expr.Range(), name+" cannot refer to anything", "Write it out as a string: "+name+" = \"...\".")
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return ""
	}
	c, err := conform(name, v, cty.String)
	if err != nil {
		l.fail(a.Expr.Range(), err.wrong, err.remedy)
		return ""
	}
	if c.IsNull() {
		return ""
	}
	if c.AsString() == "" {
		l.fail(a.Expr.Range(), name+" is empty", "Leave it out for the default.")
	}
	return c.AsString()
}

// version checks required_version. A pre-release counts as its release: 0.2.0-rc1
// does for >= 0.2.
func (l *loader) version(b *hclsyntax.Block, required string) bool {
	at := b.Body.Attributes["required_version"].Expr.Range()
	constraints, err := version.NewConstraint(required)
	if err != nil {
		l.fail(at, fmt.Sprintf("required_version %q cannot be read", required), `Write constraints with commas between, as in ">= 0.1, < 2".`)
		return false
	}
	if l.opts.Version == "" {
		return true
	}
	have, err := version.NewVersion(l.opts.Version)
	if err != nil {
		return true // a build with no number: its maker knows
	}
	if !constraints.Check(have.Core()) {
		l.fail(at, fmt.Sprintf("this project requires hikae %s, and this is %s", required, l.opts.Version),
			"Install a hikae that satisfies it, or change required_version.")
		return false
	}
	return true
}
