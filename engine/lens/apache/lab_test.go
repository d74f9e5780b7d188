package apache_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/apache"
	"hikae/modules/lenstest"
)

// grammatical are the complaints of httpd that are the grammar's.
var grammatical = regexp.MustCompile(`without matching|but saw|was not closed|missing closing|requires additional arguments|before end of configuration|expected token not found|Line too long|empty name`)

// labLines are lines of which files are made, right ones most of all.
var labLines = []string{
	"AddDefaultCharset utf-8", "  ErrorDocument 404 \"a \\\"b\\\" c\"", "ErrorDocument 404 'it", "# a comment", "# joined \\", "AddDefaultCharset \\", "", "\\", "\t\\\\", "  utf-8", "\"AddDefaultCharset\" utf-8", `"" nothing`,
	"AddDefaultCharset utf-8 \\\\", "<IfModule so_module>", "<IfModule so_module>", "<IfModule none>", "<IfModule !none>", "</IfModule>", "</IfModule>", "</IfModule> # x", "</ifmodule>", "<IfDefine X>", "</IfDefine>", "<Files \"a b\">", "</Files>", "</FILES> # x", "</Files >", "<Files",
	"<Files a", "<Files>", "<If \"1 > 2\">", "</If>", "<Macro m%d $a>", "</Macro>", "</Macro> x", "<Macro n%d>", "<RequireAll>", "<RequireAll", "</RequireAll>", "<LimitExcept GET> y", "</LimitExcept>", "</", "</>", "\"<Files\" x>",
}

// labFiles are generated files: mutations of right ones.
func labFiles(n int) map[string]string {
	r := rand.New(rand.NewPCG(1, 2))
	files := map[string]string{}
	for i := range n {
		var lines, open []string
		for range r.IntN(12) {
			l := labLines[r.IntN(len(labLines))]
			if strings.Contains(l, "%d") {
				l = fmt.Sprintf(l, r.IntN(1000000))
			}
			if strings.HasPrefix(l, "</") && r.IntN(4) > 0 { // mostly what is open
				if len(open) == 0 {
					continue
				}
				l = "</" + open[len(open)-1] + ">"
				open = open[:len(open)-1]
			} else if name, ok := strings.CutPrefix(l, "<"); ok && name[0] != '/' {
				name, _, _ = strings.Cut(strings.TrimSuffix(name, ">"), " ")
				open = append(open, name)
			}
			lines = append(lines, l)
		}
		for len(open) > 0 && r.IntN(12) > 0 {
			lines = append(lines, "</"+open[len(open)-1]+">")
			open = open[:len(open)-1]
		}
		end := "\n"
		if r.IntN(4) == 0 {
			end = "\r\n"
		}
		text := strings.Join(lines, end) + end
		if r.IntN(6) == 0 {
			text = strings.TrimSuffix(text, "\n")
		}
		if r.IntN(3) == 0 && len(text) > 2 { // a byte more, less or another
			at := r.IntN(len(text))
			odd := string(" \\<>/\"#\n\x00\xff"[r.IntN(10)])
			text = text[:at] + []string{odd, ""}[r.IntN(2)] + text[at+r.IntN(2):]
		}
		files[fmt.Sprintf("%04d.conf", i)] = text
	}
	return files
}

// What httpd takes is taken, what it refuses for its grammar refused.
func TestLabHttpd(t *testing.T) {
	files := labFiles(500)
	modules := ""
	for _, m := range []string{"mpm_event", "macro", "authz_core"} {
		modules += fmt.Sprintf(" -C 'LoadModule %s_module modules/mod_%s.so'", m, m)
	}
	out := lenstest.Daemon(t, files, `for f in *.conf; do
		r=$(/usr/libexec/httpd/httpd -t -d /etc/httpd -C 'ServerName x'`+modules+` -f "$PWD/$f" 2>&1) && c=0 || c=1
		echo "$f $c $(echo "$r" | grep -v ':warn' | tr '\n' ' ')"
	done`)
	taken, refused, other := 0, 0, 0
	for line := range strings.Lines(out) {
		name, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		src := []byte(files[name])
		f, err := apache.Parse(src)
		switch {
		case said[0] == '0':
			taken++
			if err != nil {
				t.Errorf("httpd takes what is refused with %v:\n%q", err, src)
			}
		case !grammatical.MatchString(said):
			other++
		default:
			refused++
			if err == nil && !perhaps(src, f.Root.All) {
				t.Errorf("taken is what httpd refuses with %s:\n%q", said, src)
			}
		}
	}
	t.Logf("httpd takes %d, refuses %d for their grammar, %d for something else", taken, refused, other)
	if taken < 100 || refused < 100 {
		t.Error("the files are of one sort")
	}
}

// perhaps tells whether a file is one that httpd takes or not as conditions hold
// or not.
func perhaps(src []byte, all func(func(*lens.Node) bool)) bool {
	for n := range all {
		if apache.Flaw(src, n) != "" || apache.Conditional(src, n) && (apache.Unclosed(n) || apache.Sloppy(src, n)) {
			return true
		}
	}
	return false
}
