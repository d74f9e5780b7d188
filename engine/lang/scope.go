package lang

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// roots are the names that an expression may begin with.
var roots = []string{"host", "local", "pair"}

// symbol is what a reference names: local.NAME, host.NAME or pair.NAME. Its
// value is computed when it is first needed.
type symbol struct {
	root, name string
	at         hcl.Range
	exprs      map[string]hclsyntax.Expression // by attribute; of a local under ""
	state      symbolState
	value      cty.Value
}

func (s *symbol) String() string { return s.root + "." + s.name }

type symbolState byte

const (
	symbolNew symbolState = iota
	symbolOpen
	symbolDone
)

// scope holds the symbols of a project and evaluates expressions over them.
type scope struct {
	symbols map[string]map[string]*symbol // by root and name
	funcs   map[string]function.Function
	open    []*symbol // those under way, for naming a cycle
	diags   hcl.Diagnostics
}

// Attributes of a host and of a pair that references can read. The others may
// refer to hosts and pairs themselves.
var (
	hostRefAttrs = []string{"ssh", "local", "labels"}
	pairRefAttrs = []string{"members", "initial_primary"}
)

// newScope collects the symbols that the blocks define.
func newScope(blocks map[string][]*hclsyntax.Block) *scope {
	s := &scope{symbols: map[string]map[string]*symbol{}, funcs: functions()}
	for _, root := range roots {
		s.symbols[root] = map[string]*symbol{}
	}
	for _, b := range blocks["locals"] {
		s.locals(b)
	}
	s.blocks("host", blocks["host"], hostRefAttrs)
	s.blocks("pair", blocks["pair"], pairRefAttrs)
	return s
}

func (s *scope) fail(at hcl.Range, wrong, remedy string) {
	s.diags = append(s.diags, failure(at, wrong, remedy))
}

func (s *scope) locals(b *hclsyntax.Block) {
	if len(b.Labels) > 0 {
		s.fail(b.DefRange(), "locals has no label", "Write locals { NAME = ... }.")
	}
	for _, inner := range b.Body.Blocks {
		s.fail(inner.DefRange(), "locals holds values, no blocks", "Write "+inner.Type+" = { ... } for an object.")
	}
	for name, a := range b.Body.Attributes {
		s.define(&symbol{root: "local", name: name, at: a.NameRange, exprs: map[string]hclsyntax.Expression{"": a.Expr}})
	}
}

// blocks defines a symbol for each block with one label; others are told of
// where the block is read.
func (s *scope) blocks(root string, blocks []*hclsyntax.Block, attrs []string) {
	for _, b := range blocks {
		if len(b.Labels) != 1 {
			continue
		}
		sym := &symbol{root: root, name: b.Labels[0], at: b.DefRange(), exprs: map[string]hclsyntax.Expression{}}
		for _, name := range attrs {
			if a, given := b.Body.Attributes[name]; given {
				sym.exprs[name] = a.Expr
			}
		}
		s.define(sym)
	}
}

func (s *scope) define(sym *symbol) {
	if first, twice := s.symbols[sym.root][sym.name]; twice {
		a, b := first.at, sym.at
		if earlier(b, a) {
			a, b = b, a // attributes of a body come in no order
		}
		s.fail(b, fmt.Sprintf("%s is defined twice", sym), "It is defined first at "+place(a)+". Rename or remove one.")
		return
	}
	s.symbols[sym.root][sym.name] = sym
}

func earlier(a, b hcl.Range) bool {
	if a.Filename != b.Filename {
		return a.Filename < b.Filename
	}
	return a.Start.Byte < b.Start.Byte
}

// evaluate computes every symbol and tells what was wrong.
func (s *scope) evaluate() hcl.Diagnostics {
	for _, root := range roots {
		for _, name := range slices.Sorted(maps.Keys(s.symbols[root])) {
			s.resolve(s.symbols[root][name])
		}
	}
	return s.diags
}

// resolve computes a symbol after those it refers to.
func (s *scope) resolve(sym *symbol) cty.Value {
	switch sym.state {
	case symbolDone:
		return sym.value
	case symbolOpen:
		s.cycle(sym)
		return cty.DynamicVal
	}
	sym.state = symbolOpen
	s.open = append(s.open, sym)
	vals := map[string]cty.Value{"kind": cty.StringVal(sym.root), "name": cty.StringVal(sym.name)}
	for _, attr := range slices.Sorted(maps.Keys(sym.exprs)) {
		v, diags := s.value(sym.exprs[attr])
		s.diags = append(s.diags, diags...)
		vals[attr] = v
	}
	s.open = s.open[:len(s.open)-1]
	sym.state = symbolDone
	if sym.root == "local" {
		sym.value = vals[""]
	} else {
		sym.value = refObject(sym.root, vals)
	}
	return sym.value
}

// refObject is what host.NAME and pair.NAME are in an expression.
func refObject(root string, vals map[string]cty.Value) cty.Value {
	attrs := hostRefAttrs
	if root == "pair" {
		attrs = pairRefAttrs
	}
	for _, name := range attrs {
		if _, given := vals[name]; !given {
			vals[name] = cty.NullVal(cty.DynamicPseudoType)
		}
	}
	if root == "host" {
		vals["address"] = address(vals["ssh"])
	}
	return cty.ObjectVal(vals)
}

// address is the host part of [USER@]HOST[:PORT], null where there is none.
func address(ssh cty.Value) cty.Value {
	ssh, marks := ssh.Unmark()
	if len(marks) > 0 || !ssh.IsKnown() || ssh.IsNull() || ssh.Type() != cty.String {
		return cty.NullVal(cty.String)
	}
	t, err := parseSSH(ssh.AsString())
	if err != nil {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(t.host)
}

func (s *scope) cycle(sym *symbol) {
	var names []string
	for _, o := range s.open[slices.Index(s.open, sym):] {
		names = append(names, o.String())
	}
	names = append(names, sym.String())
	s.fail(sym.at, fmt.Sprintf("%s is defined by itself", sym),
		"The definitions go round: "+strings.Join(names, " -> ")+". Write the value out in one of them.")
}

// value evaluates an expression. A reference that is wrong gives a diagnostic
// and an unknown value.
func (s *scope) value(expr hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	if diags := s.checkCalls(expr); diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	used := map[string]map[string]cty.Value{}
	for _, root := range roots {
		used[root] = map[string]cty.Value{}
	}
	var diags hcl.Diagnostics
	for _, t := range expr.Variables() {
		syms, diag := s.lookup(t)
		if diag != nil {
			diags = append(diags, diag)
			continue
		}
		for _, sym := range syms {
			used[sym.root][sym.name] = s.resolve(sym)
		}
	}
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: s.funcs}
	for root, vals := range used {
		ctx.Variables[root] = cty.ObjectVal(vals)
	}
	v, diags := expr.Value(ctx)
	for _, d := range diags {
		d.EvalContext = nil // values are nobody's business
	}
	return v, diags
}

// lookup finds what a reference needs: one symbol, or all of a root where it
// is used as a whole.
func (s *scope) lookup(t hcl.Traversal) ([]*symbol, *hcl.Diagnostic) {
	root := t.RootName()
	names, known := s.symbols[root]
	if !known {
		return nil, s.unknownRoot(t, root)
	}
	if len(t) < 2 {
		if root == "local" {
			return nil, failure(t.SourceRange(), "local is not a value by itself", "Write local.NAME.")
		}
		return slices.Collect(maps.Values(names)), nil
	}
	name := ""
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		name = step.Name
	case hcl.TraverseIndex:
		if step.Key.Type() != cty.String {
			return nil, failure(t.SourceRange(), root+" has names, not numbers", "Write "+root+".NAME.")
		}
		name = step.Key.AsString()
	default:
		return slices.Collect(maps.Values(names)), nil
	}
	if sym, found := names[name]; found {
		return []*symbol{sym}, nil
	}
	what := map[string]string{"local": "local value", "host": "host", "pair": "pair"}[root]
	return nil, failure(t.SourceRange(), fmt.Sprintf("there is no %s %q", what, name), meant(name, slices.Collect(maps.Keys(names))))
}

func (s *scope) unknownRoot(t hcl.Traversal, root string) *hcl.Diagnostic {
	remedy, known := foreign[root]
	if !known {
		remedy = "A reference is local.NAME, host.NAME or pair.NAME. If text was meant, put it in quotes; ${ in text is written $${."
		if n := nearest(root, roots); n != "" {
			remedy = fmt.Sprintf("Did you mean %q?", n)
		}
		for _, r := range roots {
			if _, is := s.symbols[r][root]; is {
				remedy = fmt.Sprintf("Did you mean %s.%s?", r, root)
			}
		}
	}
	return failure(t.SourceRange(), fmt.Sprintf("unknown name %q", root), remedy)
}

// checkCalls tells of functions that there are not.
func (s *scope) checkCalls(expr hclsyntax.Expression) hcl.Diagnostics {
	return hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, is := n.(*hclsyntax.FunctionCallExpr)
		if !is {
			return nil
		}
		if _, known := s.funcs[call.Name]; known {
			return nil
		}
		remedy, known := foreignFunctions[call.Name]
		if !known {
			remedy = meant(call.Name, slices.Collect(maps.Keys(s.funcs)))
		}
		return hcl.Diagnostics{failure(call.NameRange, fmt.Sprintf("there is no function %q", call.Name), remedy)}
	})
}
