package lang

import (
	"math/big"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

// noBudget leaves both numbers to hikae.
var noBudget = engine.Budget{Deletions: engine.DefaultBudget, Modifications: engine.DefaultBudget}

// budget reads the budget block within a block. Like the hikae block's own its
// values are plain.
func (l *loader) budget(in *hclsyntax.Block) engine.Budget {
	out := noBudget
	seen := false
	for _, b := range in.Body.Blocks {
		if b.Type != "budget" {
			continue
		}
		if seen {
			l.fail(b.DefRange(), "budget is set twice", "Put both numbers in one block.")
			continue
		}
		seen = true
		if len(b.Labels) > 0 {
			l.fail(b.DefRange(), "budget has no label", "Write budget { deletions = 50 }.")
		}
		l.reader(b, nil, []string{"deletions", "modifications"}, nil)
		out.Deletions = l.plainCount(b, "deletions")
		out.Modifications = l.plainCount(b, "modifications")
	}
	return out
}

// plainCount is an attribute that is a number of things, with no references;
// engine.DefaultBudget where it is not given.
func (l *loader) plainCount(b *hclsyntax.Block, name string) int {
	a, given := b.Body.Attributes[name]
	if !given {
		return engine.DefaultBudget
	}
	const most = 1_000_000_000
	v, diags := a.Expr.Value(nil)
	if !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() && v.Type() == cty.Number {
		if n, exact := v.AsBigFloat().Int64(); exact == big.Exact && n >= 0 && n <= most {
			return int(n)
		}
	}
	l.fail(a.Expr.Range(), name+" wants a whole number that is not negative", "For example: "+name+" = 50")
	return engine.DefaultBudget
}

// BudgetOf is what an apply to a host of a pair may spend: what the pair says,
// else what the project says.
func (p *Project) BudgetOf(pair Pair) engine.Budget {
	b := p.Hikae.Budget
	if pair.Budget.Deletions >= 0 {
		b.Deletions = pair.Budget.Deletions
	}
	if pair.Budget.Modifications >= 0 {
		b.Modifications = pair.Budget.Modifications
	}
	return b
}
