package lang

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/text/unicode/norm"
)

// lineWidth is where a list or an object goes to one element a line, in bytes.
const lineWidth = 88

// quote writes s, which is UTF-8 in NFC, as an HCL string.
func quote(s string) string {
	text := quoteKeeping(s, unicode.IsPrint)
	if !norm.NFC.IsNormalString(text) {
		// An accent came to stand behind the letter of an escape.
		text = quoteKeeping(s, func(r rune) bool { return r < utf8.RuneSelf && unicode.IsPrint(r) })
	}
	return text
}

// quoteKeeping writes an HCL string with escapes for all but what keep takes.
func quoteKeeping(s string, keep func(rune) bool) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '$' || r == '%':
			b.WriteString(quoteMark(r, s[i+1:]))
		case keep(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quoteMark writes a '$' or '%' that is followed by rest: doubled before '{',
// and as an escape where the two could be taken for that ("$${" for "$" and "${").
func quoteMark(r rune, rest string) string {
	mark := string(r)
	switch {
	case strings.HasPrefix(rest, "{"):
		return mark + mark
	case strings.HasPrefix(strings.TrimLeft(rest, mark), "{"):
		return fmt.Sprintf(`\u%04X`, r)
	}
	return mark
}

// heredoc writes text of several lines as HCL's heredoc, or says that it
// cannot be: it must be printing lines, each with its end.
func heredoc(s string) (string, bool) {
	const name = "EOT"
	if strings.Count(s, "\n") < 2 || !strings.HasSuffix(s, "\n") || !utf8.ValidString(s) {
		return "", false
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return "", false
		}
	}
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) == name {
			return "", false
		}
	}
	if strings.Contains(s, "$${") || strings.Contains(s, "%%{") {
		return "", false // how these are read differs between readers
	}
	marks := strings.NewReplacer("${", "$${", "%{", "%%{")
	return "<<" + name + "\n" + marks.Replace(s) + name, true
}

// textOf writes a value as HCL, broken into lines that stand below an
// attribute which is indent bytes in, when one line would not hold it.
func textOf(v cty.Value, indent, used int) (string, error) {
	if v.IsMarked() || !v.IsKnown() {
		return "", errors.New("a value is secret or not known")
	}
	if v.IsNull() {
		return "null", nil
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		return stringText(v.AsString()), nil
	case ty == cty.Bool:
		if v.True() {
			return "true", nil
		}
		return "false", nil
	case ty == cty.Number:
		return numberText(v.AsBigFloat())
	case ty.IsListType() || ty.IsSetType() || ty.IsTupleType():
		return listText(v, indent, used)
	case ty.IsMapType() || ty.IsObjectType():
		return objectText(v, indent, used)
	}
	return "", fmt.Errorf("a value of type %s cannot be written", ty.FriendlyName())
}

func stringText(s string) string {
	if utf8.ValidString(s) {
		return quote(s)
	}
	return "{ " + base64Key + ` = "` + base64.StdEncoding.EncodeToString([]byte(s)) + `" }`
}

// numberText writes a number so that what is read equals it: cty compares
// fractions by the shortest decimal that tells them from their neighbours.
func numberText(f *big.Float) (string, error) {
	if f.IsInf() {
		return "", errors.New("infinity cannot be written")
	}
	text := ""
	if f.IsInt() && f.MantExp(nil) <= maxIntBits {
		i, _ := f.Int(nil)
		text = i.String()
	} else {
		text = strings.Replace(f.Text('g', -1), "e+", "e", 1)
	}
	v, err := literal{kind: litNumber, text: text}.toNumber()
	if err != nil || !v.RawEquals(cty.NumberVal(f)) {
		return "", errors.New("a number is out of the range that can be written")
	}
	return text, nil
}

func listText(v cty.Value, indent, used int) (string, error) {
	var items []string
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		s, err := textOf(item, indent+2, 0)
		if err != nil {
			return "", err
		}
		items = append(items, s)
	}
	return listOf(items, indent, used), nil
}

// listOf joins what is already HCL: on one line, or on one each.
func listOf(items []string, indent, used int) string {
	if one := "[" + strings.Join(items, ", ") + "]"; fitsLine(one, len(items), used) {
		return one
	}
	margin := strings.Repeat(" ", indent)
	var b strings.Builder
	b.WriteString("[\n")
	for _, item := range items {
		b.WriteString(margin + "  " + item + ",\n")
	}
	b.WriteString(margin + "]")
	return b.String()
}

func objectText(v cty.Value, indent, used int) (string, error) {
	isMap := v.Type().IsMapType()
	if isMap {
		if s, odd, err := oddMapText(v, indent, used); odd || err != nil {
			return s, err
		}
	}
	var items []attrText
	for it := v.ElementIterator(); it.Next(); {
		key, item := it.Element()
		if item.IsNull() && !isMap {
			continue // reading fills it in
		}
		s, err := textOf(item, indent+2, 0)
		if err != nil {
			return "", err
		}
		items = append(items, attrText{keyText(key.AsString()), s})
	}
	return objectOf(items, indent, used), nil
}

// objectOf joins what is already HCL: on one line, or on one each.
func objectOf(items []attrText, indent, used int) string {
	if len(items) == 0 {
		return "{}"
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.name + " = " + item.value
	}
	if one := "{ " + strings.Join(texts, ", ") + " }"; fitsLine(one, len(items), used) {
		return one
	}
	return "{\n" + alignedText(indent+2, items, ",") + strings.Repeat(" ", indent) + "}"
}

func fitsLine(s string, items, used int) bool {
	return !strings.Contains(s, "\n") && (items < 2 || used+len(s) <= lineWidth)
}

// oddMapText writes a map with a key that is not UTF-8 as a list.
func oddMapText(v cty.Value, indent, used int) (text string, odd bool, err error) {
	var items []string
	for it := v.ElementIterator(); it.Next(); {
		key, item := it.Element()
		odd = odd || !utf8.ValidString(key.AsString())
		s, err := textOf(item, indent+2, 0)
		if err != nil {
			return "", odd, err
		}
		items = append(items, "{ key = "+stringText(key.AsString())+", value = "+s+" }")
	}
	return listOf(items, indent, used), odd, nil
}

// keyText writes an object's key, bare where it may be.
func keyText(key string) string {
	if !identifier(key) || key == "for" || key == "null" || key == "true" || key == "false" {
		return quote(key)
	}
	return key
}

func identifier(s string) bool {
	for i := range len(s) {
		if i == 0 && !identStart(s[i]) || !identByte(s[i]) {
			return false
		}
	}
	return s != ""
}
