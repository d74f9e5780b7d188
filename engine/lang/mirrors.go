package lang

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine/rules"
)

// What a mirror does where the project says nothing.
const (
	defaultVersions = 7 * 24 * time.Hour
	defaultKeepFree = 5
	shortestEvery   = 10 * time.Second
)

// mirrorOf reads the attributes of a mirror.
func (l *loader) mirrorOf(r *blockReader, tree string) Mirror {
	m := Mirror{
		Path: tree, Range: r.b.DefRange(), Reload: r.texts("reload", checkUnit), Run: r.words("run"),
		Exclude: r.texts("exclude", checkExclude), KeepFree: r.percent("keep_free", defaultKeepFree),
		Versions: r.span("versions", defaultVersions, 0), Every: r.span("every", 0, shortestEvery),
	}
	for i, e := range m.Exclude {
		if !strings.HasPrefix(e, "/") {
			m.Exclude[i] = "/**/" + e
		}
	}
	if s := r.text("bandwidth"); s != "" {
		var err error
		if m.Bandwidth, err = parseRate(s); err != nil {
			l.fail(r.at("bandwidth"), fmt.Sprintf("bandwidth %q cannot be used", s), sentence(err))
		}
	}
	switch s := r.text("ids"); s {
	case "", "names":
	case "numbers":
		m.Numbers = true
	default:
		l.fail(r.at("ids"), fmt.Sprintf("ids %q is unknown", s), `Write "names", by which owners go from host to host, or "numbers".`)
	}
	return m
}

// words is a program and its arguments.
func (r *blockReader) words(name string) []string {
	v, ok := r.value(name, cty.List(cty.String))
	if !ok {
		return nil
	}
	var out []string
	for i, e := range v.AsValueSlice() {
		if e.IsNull() || i == 0 && !strings.HasPrefix(e.AsString(), "/") {
			r.l.fail(r.element(name, i), name+" wants a program's path and its arguments", `For example: `+name+` = ["/usr/bin/doveadm", "index", "-A", "INBOX"]`)
			return nil
		}
		out = append(out, e.AsString())
	}
	return out
}

// span is a time, in days too: least or more, or "0" where least is 0.
func (r *blockReader) span(name string, otherwise, least time.Duration) time.Duration {
	s := r.text(name)
	if s == "" {
		return otherwise
	}
	days, inDays := strings.CutSuffix(s, "d")
	d, err := time.ParseDuration(s)
	if n, bad := strconv.ParseUint(days, 10, 16); inDays && bad == nil {
		d, err = time.Duration(n)*24*time.Hour, nil
	}
	if err != nil || d < least {
		r.l.fail(r.at(name), fmt.Sprintf("%s %q is no time", name, s), fmt.Sprintf(`Write a time of %v or more, as in "7d", "12h" or "10m".`, least))
		return otherwise
	}
	return d
}

// percent is a whole number of hundredths.
func (r *blockReader) percent(name string, otherwise int) int {
	v, ok := r.value(name, cty.Number)
	if !ok {
		return otherwise
	}
	n, exact := v.AsBigFloat().Int64()
	if exact != big.Exact || n < 0 || n > 99 {
		r.l.fail(r.at(name), name+" wants whole per cent", "For example: "+name+" = 10")
		return otherwise
	}
	return int(n)
}

// checkExclude checks a pattern of paths below a mirror.
func checkExclude(s string) error {
	if strings.HasSuffix(s, "/") {
		return errors.New("leave the slash at its end out: a directory is excluded with all that is in it")
	}
	return rules.Validate(s)
}

// parseRate reads bytes a second.
func parseRate(s string) (int64, error) {
	number, unit := strings.TrimRight(s, "KMGBbits/"), ""
	unit = strings.TrimSuffix(s[len(number):], "/s")
	factor, known := map[string]int64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "Kbit": 125, "Mbit": 125e3, "Gbit": 125e6}[unit]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || !known || n > 1<<40/factor {
		return 0, errors.New(`write bytes or bits a second, as in "20MB" or "100Mbit"`)
	}
	return n * factor, nil
}
