package sysctl

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"hikae/engine"
	"hikae/modules/lenstest"
)

func tree() lenstest.Tree {
	return lenstest.Tree{
		"/etc/sysctl.d/60-net.conf":     "# ours\r\nnet.core.somaxconn = 1024\r\n-net/ipv4/conf/eth0.1/rp_filter=2\r\n",
		"/etc/sysctl.d/70-late.conf":    "net.core.somaxconn=4096\n\n ; old\n vm.swappiness\t=  10  \nkernel.core_pattern = |/usr/bin/x %p = y\nodd line\n-net.ipv4.conf.all.rp_filter\n=1",
		"/etc/sysctl.d/80-masked.conf":  lenstest.LinkTo + "/dev/null",
		"/etc/sysctl.d/99-sysctl.conf":  lenstest.LinkTo + "../sysctl.conf",
		"/etc/sysctl.d/README":          "vm.x = 1\n",
		"/etc/sysctl.d/50-odd.conf":     "kernel.bytes = \xff\nfs.empty =\n",
		"/etc/sysctl.conf":              "net.ipv4.ip_forward = 0\n",
		"/etc/sysctl.conf.d/other.conf": "vm.y = 1\n",
	}
}

func edit(key, value string) engine.Edit {
	return engine.Edit{Addr: engine.Addr{Kind: Kind, Name: key}, Attrs: map[string]cty.Value{attrValue: cty.StringVal(value)}}
}

func TestGet(t *testing.T) {
	rs, diags := Lens{}.Get(tree())
	var got []string
	for _, r := range rs {
		got = append(got, r.Addr.Name+"="+r.Value.GetAttr(attrValue).AsString()+" "+strings.TrimPrefix(r.Value.GetAttr(attrFile).AsString(), "/etc/"))
	}
	want := `fs.empty= sysctl.d/50-odd.conf
kernel.core_pattern=|/usr/bin/x %p = y sysctl.d/70-late.conf
net.core.somaxconn=4096 sysctl.d/70-late.conf
net.ipv4.conf.eth0/1.rp_filter=2 sysctl.d/60-net.conf
net.ipv4.ip_forward=0 sysctl.conf
vm.swappiness=10 sysctl.d/70-late.conf`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	warned := lenstest.Text(diags)
	for _, place := range []string{"70-late.conf:6: Line passed over", "70-late.conf:8: Line passed over"} {
		if !strings.Contains(warned, place) {
			t.Errorf("no warning of %s in:\n%s", place, warned)
		}
	}
}

func TestPut(t *testing.T) {
	absent := edit("net.core.somaxconn", "")
	absent.Absent = true
	inMain := edit("vm.new", "1")
	inMain.Attrs[attrFile] = cty.StringVal("/etc/sysctl.conf")
	after := lenstest.PutGet(t, Lens{}, tree(), edit("vm.swappiness", "60"), edit("fs.empty", "x"), absent, edit("net.ipv4.conf.eth0/1.rp_filter", "1"), edit("a.b", "c d"), edit("a.a", "1"), inMain)
	for path, want := range map[string]string{
		"/etc/sysctl.d/60-net.conf":   "# ours\r\n-net/ipv4/conf/eth0.1/rp_filter=1\r\n",
		"/etc/sysctl.d/70-late.conf":  "\n ; old\n vm.swappiness\t=  60  \nkernel.core_pattern = |/usr/bin/x %p = y\nodd line\n-net.ipv4.conf.all.rp_filter\n=1",
		"/etc/sysctl.d/50-odd.conf":   "kernel.bytes = \xff\nfs.empty =x\n",
		"/etc/sysctl.d/90-hikae.conf": "a.a = 1\na.b = c d\n",
		"/etc/sysctl.conf":            "net.ipv4.ip_forward = 0\nvm.new = 1\n",
	} {
		if after[path] != want {
			t.Errorf("%s: %q", path, after[path])
		}
	}
	lenstest.GetPut(t, Lens{}, tree())
	lenstest.PutGot(t, Lens{}, tree())
}

func TestPutRefuses(t *testing.T) {
	elsewhere, nowhere, silent := edit("vm.swappiness", "1"), edit("vm.new", "1"), edit("vm.new", "")
	elsewhere.Attrs[attrFile] = cty.StringVal("/etc/sysctl.conf")
	nowhere.Attrs[attrFile] = cty.StringVal("/etc/sysctl.d/../shadow")
	silent.Attrs = nil
	for want, e := range map[string]engine.Edit{
		"set elsewhere":      elsewhere,
		"would not read it":  nowhere,
		"without a value":    silent,
		"one line":           edit("vm.swappiness", "1\nkernel.x = 2"),
		"Not a kernel":       edit("net/ipv4/ip_forward", "1"),
		"\"-w\" cannot be":   edit("-w", "1"),
		"\"vm.x = 1\" canno": edit("vm.x = 1", "1"),
	} {
		files, _, diags := Lens{}.Put(tree(), []engine.Edit{e})
		if !diags.HasErrors() || len(files) > 0 || !strings.Contains(lenstest.Text(diags), want) {
			t.Errorf("%s: got %v %s", want, files, lenstest.Text(diags))
		}
	}
}

func TestLaws(t *testing.T) {
	keys := rapid.SampledFrom([]string{"vm.a", "vm.b", "net.c/0.d"})
	rapid.Check(t, func(t *rapid.T) {
		tr := lenstest.Tree{}
		for _, name := range []string{"/etc/sysctl.d/1.conf", "/etc/sysctl.d/95.conf", "/etc/sysctl.conf"} {
			nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
			lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
				return rapid.SampledFrom([]string{"", "# ", " ", "-"}).Draw(t, "before") + keys.Draw(t, "key") +
					rapid.SampledFrom([]string{"=", " = ", "\t="}).Draw(t, "equals") + rapid.SampledFrom([]string{"", "1", "a b"}).Draw(t, "value")
			}), 0, 4).Draw(t, "lines")
			tr[name] = strings.Join(lines, nl) + rapid.SampledFrom([]string{"", nl}).Draw(t, "last line's end")
		}
		lenstest.GetPut(t, Lens{}, tr)
		e := edit(keys.Draw(t, "edited"), rapid.SampledFrom([]string{"1", "x y"}).Draw(t, "new"))
		e.Absent = rapid.Bool().Draw(t, "absent")
		lenstest.PutGet(t, Lens{}, tr, e)
	})
}

func FuzzFile(f *testing.F) {
	for _, text := range tree() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, lenstest.LinkTo) {
			t.Skip()
		}
		tr := lenstest.Tree{"/etc/sysctl.d/x.conf": text}
		lenstest.GetPut(t, Lens{}, tr)
		lenstest.PutGet(t, Lens{}, tr, edit("vm.fuzzed", "1"))
	})
}
