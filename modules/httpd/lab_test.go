package httpd_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hikae/modules/httpd"
	"hikae/modules/lenstest"
)

const labModules = `LoadModule mpm_event_module /etc/httpd/modules/mod_mpm_event.so
LoadModule authz_core_module /etc/httpd/modules/mod_authz_core.so
LoadModule alias_module /etc/httpd/modules/mod_alias.so
LoadModule macro_module /etc/httpd/modules/mod_macro.so
`

// labTree is a generated configuration below a ServerRoot.
func labTree(r *rand.Rand) map[string]string {
	tree := map[string]string{
		"conf/httpd.conf":        "Include conf.modules.d/*.conf\nListen 80\nListen 127.0.0.1:8080\nServerName main.example\nDefine addr 127.0.0.1:80\nDefine EMPTY\n<Macro Site $n $port>\n<VirtualHost *:$port>\nServerName $n.example\n</VirtualHost>\n</Macro>\n<Macro Names $n>\nServerAlias $n.alias $n2\n</Macro>\n",
		"conf.modules.d/00.conf": labModules,
		"conf.d/inside.inc":      "ServerAlias inside.example\n",
		"conf.d/README":          "not read",
		"more/b/one.conf":        labServers(r),
		"more/a.b/two.conf":      labServers(r),
		"more/.c/three.conf":     "not read",
	}
	for i := range r.IntN(3) + 1 {
		tree[fmt.Sprintf("conf.d/%d.conf", i)] = labServers(r)
	}
	for _, line := range []string{
		"IncludeOptional conf.d/*.conf", "Include conf.d/[0]*.conf", "IncludeOptional none/*.conf", "IncludeOptional more/*/*.conf", "Include more/b", "Include more/a.b/two.conf",
		"Use Site used 80", "<IfDefine EMPTY>\nUse SITE defined 8080\n</IfDefine>", "UnDefine EMPTY", "<IfModule !alias_module>\nInclude none\n</IfModule>", "Include conf.d/?.conf", "IncludeOptional none",
		"Include none", "Use None", "Include none/*.conf", "<IfFile conf.d/0.conf>\n" + labServers(r) + "</IfFile>", "Define two 2\nDefine three ${two}3\n<IfVersion >= 2.${two}>\n" + labServers(r) + "</IfVersion>",
	} {
		odds := 3
		if strings.HasPrefix(line, "Include none") || line == "Use None" {
			odds = 25
		}
		if r.IntN(odds) == 0 {
			tree["conf/httpd.conf"] += line + "\n"
		}
	}
	return tree
}

// labServers are some virtual hosts, and what may stand about them.
func labServers(r *rand.Rand) string {
	var b strings.Builder
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for range r.IntN(3) {
		open, end := "", ""
		if r.IntN(3) == 0 {
			name := pick("IfModule alias_module", "IfModule mod_alias.c", "IfModule !mod_none.c", "IfModule none_module", "IfDefine EMPTY", "IfDefine !EMPTY", "IfModule so_module", "IfModule event.c")
			open, end = "<"+name+">\n", "</"+strings.Fields(name)[0]+">\n"
		}
		b.WriteString(pick("", "# comment \\\n<VirtualHost joined>\n", "\n", "  \\\n\n"))
		b.WriteString(open + "<VirtualHost " + pick("*:80", "*:8080", "127.0.0.1:80", "[::1]:80 127.0.0.1:81", "_default_:80", "*", "${addr}", `"127.0.0.1:80"`) + pick(">\n", "> # x\n", " >\n"))
		b.WriteString("ServerName " + pick("a", "b", "c", `"d`, "https://e", "f\\\n", "${none}", "${addr}") + pick("", ".example:99", ".example") + "\n")
		b.WriteString(pick("", "ServerAlias x y \\\n  z\n", "Use Names m\n", "Include conf.d/inside.inc\n", "<IfDefine none>\nServerAlias no\n</IfDefine>\n", "<Location /x>\nIncludeOptional conf.d/none.inc\nAddDefaultCharset utf-8\n</Location>\n"))
		b.WriteString("</VirtualHost>\n" + end)
	}
	return b.String()
}

var (
	dumped = regexp.MustCompile(`(\S+) \((/[^:]*|macro .*):(\d+)\)$`)
	alias  = regexp.MustCompile(`^ +(?:wild )?alias (\S+)$`)
)

// The virtual hosts that httpd has are those that are shown: their names, their
// aliases, and where they are.
func TestLabVhosts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	files := map[string]string{}
	trees := map[string]lenstest.Tree{}
	for i := range 150 {
		dir := fmt.Sprintf("%04d", i)
		trees[dir] = lenstest.Tree{}
		for name, text := range labTree(r) {
			files[dir+"/"+name] = text
			trees[dir]["/etc/httpd/"+name] = text
		}
	}
	out := lenstest.Daemon(t, files, `for d in 0*; do
		echo "== $d"
		/usr/libexec/httpd/httpd -t -D DUMP_VHOSTS -d "$PWD/$d" -f conf/httpd.conf 2>&1 | sed "s#$PWD/$d#/etc/httpd#g; s/\r//"
	done`)
	taken, refused, vhosts, made := 0, 0, 0, 0
	for _, part := range strings.Split(out, "== ")[1:] {
		dir, said, _ := strings.Cut(part, "\n")
		tree := trees[dir]
		resources, diags := httpd.Lens{}.Get(tree)
		if !strings.Contains(said, "Syntax OK") && !strings.Contains(said, "VirtualHost configuration:") {
			if refused++; !diags.HasErrors() {
				t.Errorf("httpd refuses what is taken: %s\n%s", said, show(tree))
			}
			continue
		}
		if taken++; diags.HasErrors() {
			t.Errorf("httpd takes what is refused: %s\n%s", lenstest.Text(diags), show(tree))
			continue
		}
		want, alone, macros := vhostsOf(said)
		var got []string
		for _, v := range resources {
			entry := fmt.Sprintf("%s:%d %s", v.Range.Filename, v.Range.Start.Line, strings.ToLower(v.Addr.Name[:strings.LastIndexByte(v.Addr.Name, ':')]))
			if aliases := v.Value.GetAttr("aliases"); !aliases.IsNull() && !alone[entry] {
				for _, a := range aliases.AsValueSlice() {
					entry += " " + a.AsString()
				}
			}
			got = append(got, entry)
		}
		slices.Sort(got)
		vhosts, made = vhosts+len(got), made+macros
		if !slices.Equal(got, want) {
			t.Errorf("shown are\n%s\nhttpd has\n%s\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), said, show(tree))
		}
		if n := strings.Count(lenstest.Text(diags), "made by a macro:"); n != macros {
			t.Errorf("%d are told to be made by macros; httpd has %d: %s\n%s", n, macros, said, show(tree))
		}
	}
	t.Logf("httpd takes %d, refuses %d; %d virtual hosts, %d of macros", taken, refused, vhosts, made)
	if taken < 50 || refused < 5 || vhosts < 100 || made < 10 {
		t.Error("the trees are of one sort")
	}
}

func show(tree lenstest.Tree) string {
	var b strings.Builder
	for name, text := range tree {
		if !strings.Contains(name, "modules") {
			b.WriteString("--- " + name + "\n" + text)
		}
	}
	return b.String()
}

// vhostsOf reads what httpd says of its virtual hosts: each once, where it is, its
// name and its aliases, which httpd does not tell of one that is alone at its
// address; and how many places macros have made them at.
func vhostsOf(said string) (all []string, alone map[string]bool, macros int) {
	seen := map[string]int{}
	alone = map[string]bool{}
	last := -1
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\n")
		if m := alias.FindStringSubmatch(line); m != nil && last >= 0 {
			all[last] += " " + m[1]
			continue
		}
		last = -1
		m := dumped.FindStringSubmatch(line)
		if m == nil || strings.Contains(line, "default server") {
			continue
		}
		where := m[2] + ":" + m[3]
		entry := where + " " + strings.ToLower(m[1])
		at, twice := seen[where]
		named := strings.Contains(line, " namevhost ")
		switch {
		case twice && (at < 0 || !named || !alone[entry]):
			continue
		case twice: // told with its aliases only now
			delete(alone, entry)
			last = at
			continue
		case strings.HasPrefix(m[2], "macro"):
			macros++
			seen[where] = -1
			continue
		}
		alone[entry] = !named
		seen[where] = len(all)
		all = append(all, entry)
		if named {
			last = len(all) - 1
		}
	}
	slices.Sort(all)
	return all, alone, macros
}
