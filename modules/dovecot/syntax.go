package dovecot

import (
	"math"
	"strconv"
	"strings"

	"hikae/engine"
)

// hidden is what doveconf hides in a value: a word that begins as these do and
// has an equals sign behind it, and a URL that names its user.
var hidden = engine.Form(`(^|[^A-Za-z0-9])(key|secret|pass)[^\s=]*\s*=|[a-z]://[^\s/@]*@`)

// checked tells what is wrong with the text of a setting, "" where nothing is.
func (s sort) checked(text string) string {
	switch s {
	case octal:
		_, err := strconv.ParseUint(text, 8, 32)
		return unless(err == nil, "a mode in octal, as 0660")
	case interval, millis:
		return unless(isInterval(text, s == millis), `a number with its unit, as "30 mins": secs, mins, hours, days or weeks`)
	case size:
		return unless(isSize(text), `a number, with or without a unit, as "256M": B, k, M, G or T`)
	}
	return ""
}

func unless(ok bool, want string) string {
	if ok {
		return ""
	}
	return want
}

// parted divides a text into its number and its unit.
func parted(text string) (n uint64, unit string, ok bool) {
	end := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseUint(text[:end], 10, 64)
	return n, strings.ToLower(strings.TrimLeft(text[end:], " ")), err == nil
}

// units are those of intervals, in seconds. Each may be cut short anywhere.
var units = []struct {
	names   []string
	seconds uint64
}{
	{[]string{"secs", "seconds"}, 1},
	{[]string{"mins", "minutes"}, 60},
	{[]string{"hours"}, 3600},
	{[]string{"days"}, 86400},
	{[]string{"weeks"}, 604800},
}

// isInterval: settings_get_time_full of settings-parser.c.
func isInterval(text string, millis bool) bool {
	n, unit, ok := parted(text)
	if !ok || unit == "" {
		return ok && n == 0
	}
	most := uint64(math.MaxUint32)
	if millis {
		most /= 1000
	}
	for _, u := range units {
		for _, name := range u.names {
			if strings.HasPrefix(name, unit) {
				return n <= most/u.seconds
			}
		}
	}
	for _, name := range []string{"msecs", "mseconds", "millisecs", "milliseconds"} {
		if strings.HasPrefix(name, unit) {
			return (millis || n%1000 == 0) && n <= math.MaxUint32
		}
	}
	return false
}

// isSize: settings_get_size.
func isSize(text string) bool {
	n, unit, ok := parted(text)
	if !ok || unit == "" || unit == "b" {
		return ok
	}
	i := strings.IndexByte("kmgt", unit[0])
	if i < 0 {
		return false
	}
	switch unit[1:] {
	case "", "i", "b", "ib":
		return n <= math.MaxUint64>>(10*(i+1))
	}
	return false
}

// isFlag reads a boolean: get_bool.
func isFlag(text string) (on, ok bool) {
	switch lower := strings.ToLower(text); lower {
	case "yes", "y", "1":
		return true, true
	case "no":
		return false, true
	}
	return false, false
}
