package mariadb

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/ini"
)

// form is how MariaDB reads an option's value.
type form int

const (
	text   form = iota
	flag        // 1 true on, 0 false off, in any case; true where no value is written
	number      // decimal, whole or not; with K, M, G, T, P or E too
	size        // bytes, as number
	list        // each setting adds to those before
)

var forms = func() map[string]form {
	m := map[string]form{}
	for f, names := range map[form]string{flag: booleans, number: numbers, size: sizes, list: lists} {
		for name := range strings.FieldsSeq(names) {
			m[name] = f
		}
	}
	return m
}()

// formOf is that of an option. loose_ before it says that a program that does
// not know it is to go on.
func formOf(key string) form { return forms[strings.TrimPrefix(key, "loose_")] }

// secretForm is what options of passwords and keys are called.
var secretForm = engine.Form(`(^|_)(passw(or)?d|secret|sst_auth|filekey|encryption_key)$`)

func isSecret(key string) bool { return secretForm().MatchString(key) }

var flagWords = []struct{ on, off string }{{"ON", "OFF"}, {"1", "0"}, {"TRUE", "FALSE"}}

// parseFlag reads a word for yes or no.
func parseFlag(s string) (on, ok bool) {
	for _, w := range flagWords {
		switch strings.ToUpper(s) {
		case w.on:
			return true, true
		case w.off:
			return false, true
		}
	}
	return false, false
}

// flagText writes yes or no in the way that it was written before.
func flagText(before string, on bool) string {
	for _, w := range flagWords {
		upper := strings.ToUpper(before)
		if upper != w.on && upper != w.off {
			continue
		}
		to := w.off
		if on {
			to = w.on
		}
		switch before {
		case upper:
			return to
		case strings.ToLower(before):
			return strings.ToLower(to)
		}
		return to[:1] + strings.ToLower(to[1:])
	}
	if on {
		return "ON"
	}
	return "OFF"
}

var (
	numberForm = engine.Form(`^-?[0-9]{1,20}(\.[0-9]{1,20})?$`)
	sizeForm   = engine.Form(`^-?[0-9]{1,20}[kKmMgGtTpPeE]?$`)
)

// parseNumber reads a number, one with a suffix too.
func parseNumber(s string) (cty.Value, bool) {
	if numberForm().MatchString(s) {
		v, err := cty.ParseNumberVal(s)
		return v, err == nil
	}
	if !sizeForm().MatchString(s) {
		return cty.NilVal, false
	}
	n, ok := new(big.Int).SetString(s[:len(s)-1], 10)
	if !ok {
		return cty.NilVal, false
	}
	shift := 10 * (strings.IndexByte("kmgtpe", s[len(s)-1]|0x20) + 1)
	return cty.NumberVal(new(big.Float).SetInt(n.Lsh(n, uint(shift)))), true
}

// clean tells whether a string can hold a text as it is.
func clean(s string) bool { return utf8.ValidString(s) && cty.NormalizeString(s) == s }

// value is what the settings of one option amount to. It reports false where no
// value can say it.
func value(key string, options []option) (cty.Value, bool) {
	f := formOf(key)
	if f != list {
		options = options[len(options)-1:]
	}
	items := make([]cty.Value, 0, len(options))
	for _, o := range options {
		written, has := o.written()
		said := ini.MyCnfValue(written)
		if !clean(said) {
			return cty.NilVal, false
		}
		if f != list {
			return scalar(f, said, has), true
		}
		items = append(items, cty.StringVal(said))
	}
	return cty.ListVal(items), true
}

func scalar(f form, said string, has bool) cty.Value {
	if !has {
		return cty.True
	}
	switch f {
	case flag:
		if on, ok := parseFlag(said); ok {
			return cty.BoolVal(on)
		}
	case number:
		if n, ok := parseNumber(said); ok {
			return n
		}
	}
	return cty.StringVal(said)
}

// asWritten is a value as it is to stand in a file: bare without one.
type asWritten struct {
	bare bool
	text string // as MariaDB is to read it
}

// toWrite is how a value is written, an element for each setting.
func toWrite(key string, v cty.Value) ([]asWritten, error) {
	f := formOf(key)
	switch {
	case f == list:
		return listToWrite(key, v)
	case v.Type() == cty.Bool && f != flag:
		if v.False() {
			return nil, fmt.Errorf("%s is no yes or no to MariaDB: true writes it without a value, absent = true takes it out, and \"OFF\" is a text", key)
		}
		return []asWritten{{bare: true}}, nil
	}
	said, err := textOf(key, v)
	if err != nil {
		return nil, err
	}
	switch f {
	case flag:
		on, ok := parseFlag(said)
		if !ok {
			return nil, fmt.Errorf("%s is true or false", key)
		}
		said = flagText("", on)
	case number:
		if _, ok := parseNumber(said); !ok {
			return nil, fmt.Errorf("%s is a number", key)
		}
	case size:
		if !sizeForm().MatchString(said) {
			return nil, fmt.Errorf("%s is a number of bytes, or one with K, M, G, T, P or E behind it", key)
		}
	}
	return []asWritten{{text: said}}, nil
}

func listToWrite(key string, v cty.Value) ([]asWritten, error) {
	if !v.CanIterateElements() || v.Type().IsObjectType() || v.Type().IsMapType() {
		return nil, fmt.Errorf("%s is a list: each of its items is a line", key)
	}
	var all []asWritten
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		said, err := textOf(key, item)
		if err != nil {
			return nil, err
		}
		all = append(all, asWritten{text: said})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no items: take it out with absent = true", key)
	}
	return all, nil
}

// textOf is a value of one line as text.
func textOf(key string, v cty.Value) (string, error) {
	said := ""
	switch {
	case v.IsNull():
		return "", fmt.Errorf("%s has an item of nothing", key)
	case v.Type() == cty.String:
		said = v.AsString()
	case v.Type() == cty.Bool:
		said = flagText("", v.True())
	case v.Type() == cty.Number:
		said = v.AsBigFloat().Text('f', -1)
	default:
		return "", fmt.Errorf("%s is text, a number, true or false", key)
	}
	if _, ok := ini.MyCnfQuote(said); !ok {
		return "", fmt.Errorf("%s cannot be written: an option file has no way to say this text", key)
	}
	return said, nil
}
