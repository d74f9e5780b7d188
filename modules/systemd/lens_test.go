package systemd

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

const (
	jobText    = "# ours\n[Unit]\nDescription=A job\nAfter=a.target\nAfter = b.target\n\n[Service]\nExecStart=/bin/a \\\n    --b\nEnvironment=\"A=1\"\nno equals in a section that nobody knows\n"
	dropInText = "[Service]\nLimitNOFILE=1\nExecStart=\nExecStart=/bin/x\n"
	dir        = "/etc/systemd/system/"
)

func tree() lenstest.Tree {
	return lenstest.Tree{
		dir + "job.service":                    strings.Replace(jobText, "no equals in", "[X-Other]\nno equals in", 1),
		dir + "note@.service":                  "[Service]\nExecStart=/bin/echo %i\n[Install]\nWantedBy=multi-user.target\n",
		dir + "httpd.service.d/limits.conf":    dropInText,
		dir + "httpd.service.d/README":         "x\n",
		dir + "service.d/all.conf":             "[Service]\nRestart=always\n",
		dir + "odd.d/x.conf":                   "[Service]\n",
		dir + "broken.service":                 "[Service\n",
		dir + "masked.service":                 lenstest.LinkTo + "/dev/null",
		dir + "night.timer":                    "[Timer]\nOnCalendar=daily\n",
		dir + "night.service":                  "[Service]\nExecStart=/bin/night\n",
		dir + "night.timer.d/later.conf":       "[Timer]\nOnCalendar=\nOnCalendar=weekly\n",
		dir + "multi-user.target.wants/j":      lenstest.LinkTo + "/x",
		"/etc/systemd/system.conf":             "[Manager]\n",
		"/usr/lib/systemd/system/pkg.service":  "[Service]\n",
		dir + "socket.socket":                  "[Socket]\nListenStream=1\nListenStream=2\n",
		dir + "network-online.target.d/w.conf": "[Unit]\nWants=x\n",
	}
}

func addr(labels ...string) engine.Addr {
	if len(labels) == 2 {
		return engine.Addr{Kind: Kind, In: labels[0], Name: labels[1]}
	}
	return engine.Addr{Kind: Kind, Name: labels[0]}
}

func section(settings ...string) cty.Value {
	m := map[string][]cty.Value{}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		m[key] = append(m[key], cty.StringVal(value))
	}
	vals := map[string]cty.Value{}
	for k, v := range m {
		vals[k] = cty.ListVal(v)
	}
	return cty.MapVal(vals)
}

func edit(a engine.Addr, attrs map[string]cty.Value) engine.Edit {
	return engine.Edit{Addr: a, Attrs: attrs}
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	want := map[string]map[string]cty.Value{
		"unit:job.service":             {"unit": section("Description=A job", "After=a.target", "After=b.target"), "service": section("ExecStart=/bin/a --b", `Environment="A=1"`), "others": cty.NumberIntVal(1)},
		"unit:note@.service":           {"service": section("ExecStart=/bin/echo %i"), "install": section("WantedBy=multi-user.target")},
		"unit:httpd.service/limits":    {"service": section("LimitNOFILE=1", "ExecStart=", "ExecStart=/bin/x")},
		"unit:service/all":             {"service": section("Restart=always")},
		"unit:night.timer/later":       {"timer": section("OnCalendar=", "OnCalendar=weekly")},
		"unit:socket.socket":           {"socket": section("ListenStream=1", "ListenStream=2")},
		"unit:network-online.target/w": {"unit": section("Wants=x")},
		"timer:night":                  {"on_calendar": cty.StringVal("weekly"), "exec": cty.StringVal("/bin/night"), "unit": cty.StringVal("night.service"), "others": cty.NumberIntVal(3)},
	}
	for _, r := range rs {
		w, ok := want[r.Addr.String()]
		if !ok {
			t.Errorf("%s is shown", r.Addr)
			continue
		}
		for name, v := range r.Value.AsValueMap() {
			have, said := w[name]
			if said && !v.RawEquals(have) || !said && name != "file" && name != "others" && !v.IsNull() {
				t.Errorf("%s: %s is %#v", r.Addr, name, v)
			}
		}
		delete(want, r.Addr.String())
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	if got := lenstest.Text(diags); !strings.Contains(got, "broken.service:1: File cannot be read: a [ is not closed at the end of its line. systemd does not load it.") || strings.Count(got, "\n") != 1 {
		t.Errorf("diagnostics: %s", got)
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}

func TestPut(t *testing.T) {
	gone, goneDropIn := edit(addr("note@.service"), nil), edit(addr("service", "all"), nil)
	gone.Absent, goneDropIn.Absent = true, true
	after := lenstest.PutGet(t, Lens{}, tree(), gone, goneDropIn,
		edit(addr("job.service"), map[string]cty.Value{
			"unit":    section("Description=A job", "After=b.target", "After=c.target", "After=d.target", "Wants=c.target"),
			"service": section("ExecStart=/bin/a -c", `Environment="A=1"`, "Environment=B=2"),
			"install": section("WantedBy=multi-user.target"),
		}),
		edit(addr("httpd.service", "limits"), map[string]cty.Value{"service": section("LimitNOFILE=1", "ExecStart=")}),
		edit(addr("new.service"), map[string]cty.Value{"unit": section("After=x.target", "Description=New"), "service": section("ExecStart=/bin/n", "Type=oneshot")}),
		edit(addr("new.service", "more"), map[string]cty.Value{"service": section("Nice=5")}),
		engine.Edit{Addr: engine.Addr{Kind: "timer", Name: "night"}, Attrs: map[string]cty.Value{"exec": cty.StringVal("/bin/late")}})
	for name, want := range map[string]string{
		"job.service":                 "# ours\n[Unit]\nDescription=A job\nAfter=b.target\nAfter = c.target\nAfter = d.target\nWants = c.target\n\n[Service]\nExecStart=/bin/a -c\nEnvironment=\"A=1\"\nEnvironment=B=2\n[X-Other]\nno equals in a section that nobody knows\n\n[Install]\nWantedBy=multi-user.target\n",
		"httpd.service.d/limits.conf": "[Service]\nLimitNOFILE=1\nExecStart=\n",
		"new.service":                 "[Unit]\nDescription=New\nAfter=x.target\n\n[Service]\nType=oneshot\nExecStart=/bin/n\n",
		"new.service.d/more.conf":     "[Service]\nNice=5\n",
		"note@.service":               "",
		"service.d/all.conf":          "",
		"night.service":               "[Service]\nExecStart=/bin/late\n",
	} {
		if got := after[dir+name]; got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	_, implied, _ := Lens{}.Put(tree(), []engine.Edit{gone, goneDropIn})
	if len(implied) != 1 || implied[0].Addr.String() != "service:note@.service" || implied[0].Value != cty.NilVal {
		t.Errorf("implied: %v", implied)
	}
}

func TestPutRefuses(t *testing.T) {
	some := map[string]cty.Value{"service": section("ExecStart=/bin/x")}
	for want, e := range map[string]engine.Edit{
		"named with its type": edit(addr("job"), some),
		"unit:../x.service":   edit(addr("../x.service"), some),
		"write it as a timer": edit(addr("night.timer"), some),
		"a timer or the":      edit(addr("night.service"), some),
		"masks the unit":      edit(addr("masked.service"), some),
		"cannot be edited":    edit(addr("broken.service"), some),
		"say what is in it":   edit(addr("empty.service"), nil),
		"in a backslash":      edit(addr("job.service"), map[string]cty.Value{"service": section(`ExecStart=/bin/x \`)}),
		"control character":   edit(addr("job.service"), map[string]cty.Value{"service": section("ExecStart=/bin/x\nUser=root")}),
		"blanks around":       edit(addr("job.service"), map[string]cty.Value{"service": section("ExecStart= /bin/x")}),
		"cannot be one":       edit(addr("job.service"), map[string]cty.Value{"service": section("[Exec] Start=/bin/x")}),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestLaws(t *testing.T) {
	keys := rapid.SampledFrom([]string{"A", "B", "X-c"})
	rapid.Check(t, func(t *rapid.T) {
		file := func(name string) string {
			nl := rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, name+" line end")
			long := "x \\" + nl + "  y"
			if nl != "\n" {
				long = "x"
			}
			var b strings.Builder
			for range rapid.IntRange(0, 3).Draw(t, "sections") {
				b.WriteString("[" + rapid.SampledFrom([]string{"Unit", "Service", "X-Own"}).Draw(t, "section") + "]" + nl)
				for range rapid.IntRange(0, 5).Draw(t, "settings") {
					b.WriteString(rapid.SampledFrom([]string{"", "  ", "# "}).Draw(t, "before") + keys.Draw(t, "key") + rapid.SampledFrom([]string{"=", " = "}).Draw(t, "equals") +
						rapid.SampledFrom([]string{"", "x", `"q r"`, long, "a=b", `\\`, "y \\\n"}).Draw(t, "value") + nl + rapid.SampledFrom([]string{"", "", nl, "; said" + nl}).Draw(t, "after"))
				}
			}
			return b.String()
		}
		tr := lenstest.Tree{dir + "a.service": file("a"), dir + "a.service.d/b.conf": file("b")}
		if _, diags := (Lens{}).Get(tr); len(diags) > 0 {
			t.Skip()
		}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGot(t, Lens{}, tr)
		var edits []engine.Edit
		for _, a := range []engine.Addr{addr("a.service"), addr("a.service", "b"), addr("n.service")} {
			e := edit(a, map[string]cty.Value{})
			for _, name := range []string{"unit", "service", "install"} {
				var lines []string
				for range rapid.IntRange(0, 3).Draw(t, "lines") {
					lines = append(lines, keys.Draw(t, "key")+"="+rapid.SampledFrom([]string{"", "x", "new", "a=b"}).Draw(t, "value"))
				}
				if len(lines) > 0 {
					e.Attrs[name] = section(lines...)
				}
			}
			if len(e.Attrs) > 0 {
				e.Absent = rapid.IntRange(0, 5).Draw(t, "absent") == 0
				edits = append(edits, e)
			}
		}
		lenstest.PutGet(t, Lens{}, tr, edits...)
	})
}

func FuzzFile(f *testing.F) {
	f.Add(jobText)
	f.Add(dropInText)
	f.Add("[Unit]\nDes*cription=x\n")
	f.Fuzz(func(t *testing.T, src string) {
		if strings.HasPrefix(src, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{dir + "a.service": src}
		lenstest.GetPut(t, Lens{}, tr)
		if _, diags := (Lens{}).Get(tr); len(diags) > 0 {
			return
		}
		lenstest.PutGot(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, edit(addr("a.service"), map[string]cty.Value{"install": section("WantedBy=x.target")}))
	})
}
