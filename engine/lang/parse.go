package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/text/unicode/norm"

	"hikae/engine"
)

// Bounds of one project file: what hclsyntax, which descends recursively, is
// let near.
const (
	maxProjectFile = 1 << 20
	maxNesting     = 100
	maxOperators   = 10_000
)

// parseProject parses a file that a person wrote.
func parseProject(src []byte, name string) (*hclsyntax.Body, hcl.Diagnostics) {
	if len(src) > maxProjectFile {
		return nil, hcl.Diagnostics{failure(wholeFile(name), fmt.Sprintf("this file is larger than %d MiB", maxProjectFile>>20),
			"Give large contents by source = \"FILE\" in place of content.")}
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser tells of errors
	if diag := checkTokens(tokens); diag != nil {
		return nil, hcl.Diagnostics{diag}
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	explainSyntax(diags, src)
	if diags.HasErrors() {
		return nil, diags
	}
	return file.Body.(*hclsyntax.Body), diags
}

// checkTokens refuses what would exhaust the stack, and text that would not
// stay as it was written.
func checkTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	depth, operators := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenOQuote, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenTemplateControl:
			depth++
			operators++ // its body lies beyond its end
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenCQuote, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenMinus, hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenPlus,
			hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd,
			hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual,
			hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan,
			hclsyntax.TokenGreaterThanEq:
			operators++
		case hclsyntax.TokenNumberLit:
			if _, err := (literal{kind: litNumber, text: string(t.Bytes)}).toNumber(); err != nil {
				return failure(t.Range, err.why, "Write a number that is of some use here.")
			}
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			if !norm.NFC.IsNormal(t.Bytes) {
				return failure(t.Range, "this text would be changed: it has letters and accents apart",
					"The language keeps text in Unicode's composed form (NFC). In a label or a link write the bytes as percent escapes: "+
						quote(Escape(string(t.Bytes)))+". Keep a file's content in a file and name it with source.")
			}
		}
		if depth > maxNesting || operators > maxOperators {
			return failure(t.Range, "this is nested too deeply",
				fmt.Sprintf("At most %d brackets within each other, and %d operators in a file: spread it over locals and files.", maxNesting, maxOperators))
		}
	}
	return nil
}

// explainSyntax adds to the parser's own diagnostics what people trip over in
// configuration text.
func explainSyntax(diags hcl.Diagnostics, src []byte) {
	const directive = "In HCL %{ starts a directive. To have it as text, as in Apache's %{HTTP_HOST}, write %%{; and $${ for ${."
	for _, d := range diags {
		if d.Subject == nil {
			continue
		}
		if nearMark(src, d) {
			d.Detail += "\n" + directive
		}
	}
}

// directiveMark is %{ that is not doubled.
var directiveMark = engine.Form(`(?:^|[^%])%\{`)

// nearMark reports whether a template mark stands shortly before or in what a
// diagnostic points at.
func nearMark(src []byte, d *hcl.Diagnostic) bool {
	const before = 64
	from, to := max(0, d.Subject.Start.Byte-before), min(len(src), d.Subject.End.Byte)
	if d.Context != nil {
		from = min(from, max(0, d.Context.Start.Byte))
	}
	if from >= to {
		return false
	}
	return directiveMark().Match(src[from:to])
}
