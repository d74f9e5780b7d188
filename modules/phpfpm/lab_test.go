package phpfpm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"hikae/modules/lenstest"
)

// php-fpm itself says of generated pools, in files that include each other, what
// the lens shows.
func TestLabPools(t *testing.T) {
	const count = 60
	r := rand.New(rand.NewPCG(7, 8))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	files := map[string]string{}
	for i := range count {
		section := func(name string) string {
			var b strings.Builder
			b.WriteString(pick("", "; about\n", "\t") + "[" + name + "]" + pick("", " ; the pool", "\t") + pick("\n", "\r\n"))
			b.WriteString("user = apache\nlisten = /run/lens-" + name + pick(".sock", ".$pool") + "\npm = static\nPM.max_children" + pick("=", " = ", "\t=\t") + pick("3", "'4'", `"5"`) + "\n")
			for range r.IntN(6) {
				b.WriteString(pick("", "  ", "\t") + pick(
					"slowlog = "+pick("/a b", `"/c;d"`, "'/e=f'", "/g ; said", "/h$pool", `"/a\\b\"c"`),
					"catch_workers_output = "+pick("yes", "no", "On", "off", "true", "none", "1"),
					"listen.backlog = "+pick("5", "-1"),
					"request_terminate_timeout = "+pick("5", "10s", "2m", "1h"),
					"env[A] = "+pick("x", `"y z"`, "on"), "env[B.c] = 'd'",
					"php_value[memory_limit] = "+pick("1M", `"2M"`),
					"php_admin_value[error_log] = "+pick("/l", `"/m"`),
					"access.format = \"%R \\\"%m\\\"\"",
				) + pick("\n", "\n", "\r\n", " \n"))
			}
			return b.String()
		}
		files[fmt.Sprintf("%02d/php-fpm.conf", i)] = "include=@@/php-fpm.d/*.conf\n" + pick("", "slowlog = /last\n") + "[global]\nerror_log = /dev/null\n"
		files[fmt.Sprintf("%02d/php-fpm.d/a.conf", i)] = section("www") + section("shop")
		files[fmt.Sprintf("%02d/php-fpm.d/b.conf", i)] = section("mail") + pick("", "[WWW]\nslowlog = /again\n")
	}
	// tar has no directories of its own here: the script reads what it made.
	out := lenstest.Daemon(t, files, `for d in [0-9][0-9]; do sed -i "s|@@|$PWD/$d|" $d/php-fpm.conf; echo "=== $d"; php-fpm -tt -y $PWD/$d/php-fpm.conf 2>&1; done; true`)
	parts := strings.Split(out, "=== ")[1:]
	if len(parts) != count {
		t.Fatalf("%d answers of %d", len(parts), count)
	}
	for i, part := range parts {
		tree := lenstest.Tree{}
		for name, text := range files {
			if rest, ok := strings.CutPrefix(name, fmt.Sprintf("%02d/", i)); ok {
				tree["/etc/"+rest] = strings.ReplaceAll(text, "@@", "/etc")
			}
		}
		rs, diags := Lens{}.Get(tree)
		if len(diags) > 0 || !strings.Contains(part, "test is successful") {
			t.Fatalf("%v: we say %s, php-fpm %s", tree, lenstest.Text(diags), part)
		}
		theirs := dumped(part)
		if len(theirs) != len(rs) {
			t.Errorf("php-fpm has %d pools, we %d", len(theirs), len(rs))
		}
		for _, res := range rs {
			for _, a := range attributes() {
				for key, want := range printed(a, res.Value.GetAttr(a.name), res.Addr.Name) {
					if got := theirs[res.Addr.Name][key]; got != want {
						t.Errorf("%v\n%s: %s is %q to php-fpm, %q to us", tree, res.Addr, key, got, want)
					}
				}
			}
		}
	}
}

// dumped is what php-fpm -tt prints: the settings of each pool.
func dumped(text string) map[string]map[string]string {
	pools := map[string]map[string]string{}
	pool := ""
	for line := range strings.Lines(text) {
		_, said, ok := strings.Cut(strings.TrimRight(line, "\n"), "NOTICE: ")
		said = strings.TrimSpace(said)
		if name, header := strings.CutPrefix(said, "["); ok && header {
			if pool = strings.TrimSuffix(name, "]"); pool != "global" && pool != "General" {
				pools[pool] = map[string]string{}
			}
			continue
		}
		if key, value, ok := strings.Cut(said, " = "); ok && pools[pool] != nil {
			pools[pool][key] = value
		}
	}
	return pools
}

// printed is what php-fpm would print of an attribute.
func printed(a attribute, v cty.Value, pool string) map[string]string {
	if v.IsNull() {
		return nil
	}
	switch a.form {
	case flag:
		return map[string]string{a.key: map[bool]string{true: "yes", false: "no"}[v.True()]}
	case number:
		return map[string]string{a.key: v.AsBigFloat().Text('f', -1)}
	case span:
		s := v.AsString()
		n := 0
		_, _ = fmt.Sscanf(s, "%d", &n)
		n *= map[byte]int{'m': 60, 'h': 3600, 'd': 86400}[s[len(s)-1]] + map[bool]int{true: 1}[strings.IndexByte("mhd", s[len(s)-1]) < 0]
		return map[string]string{a.key: fmt.Sprintf("%ds", n)}
	case text:
		said := strings.ReplaceAll(v.AsString(), "$pool", pool)
		return map[string]string{a.key: said}
	case texts:
		m := map[string]string{}
		for name, v := range v.AsValueMap() {
			m[a.key+"["+name+"]"] = v.AsString()
		}
		return m
	}
	return nil
}
