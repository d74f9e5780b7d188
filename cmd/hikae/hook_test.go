package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine/control"
	"hikae/engine/view"
)

// hookHost is a directory host that is held open, with these of dnf's files.
func hookHost(t *testing.T, root string, files map[string]string) *control.Live {
	t.Helper()
	if err := baseSystem(filepath.Join(root, "rio1")); err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if err := writeBelow(filepath.Join(root, "rio1"), path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hikae.hcl"), []byte(`host "rio1" { ssh = "root@rio1" }`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{out: io.Discard, err: io.Discard, connect: dirHosts(root)}
	if code := a.run(t.Context(), []string{"-C", dir, "init"}); code != 0 {
		t.Fatalf("init: exit %d", code)
	}
	a.dir, a.view = dir, view.New(io.Discard, io.Discard, false)
	pr, err := a.project()
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := a.controller(pr)
	if err != nil {
		t.Fatal(err)
	}
	to, err := target(pr, wish{host: "rio1"})
	if err != nil {
		t.Fatal(err)
	}
	live, err := ctl.Live(t.Context(), to, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(live.Close)
	return live
}

func TestInstallHook(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to set files' owners")
	}
	const conf = "/etc/dnf/plugins/post-transaction-actions.conf"
	for name, c := range map[string]struct {
		files  map[string]string
		at     string // where it is put; "" for nowhere
		advice string
	}{
		"as the package brings it": {map[string]string{"/etc/dnf/dnf.conf": "[main]\ngpgcheck=1\nkeepcache=True\n", conf: "[main]\nenabled = 1\nactiondir = /etc/dnf/plugins/post-transaction-actions.d/\n"},
			"/etc/dnf/plugins/post-transaction-actions.d/hikae.action", ""},
		"nothing is said":   {map[string]string{"/etc/dnf/dnf.conf": "[main]\nkeepcache=1\n", conf: ""}, "/etc/dnf/plugins/post-transaction-actions.d/hikae.action", ""},
		"nothing is kept":   {map[string]string{"/etc/dnf/dnf.conf": "[main]\nkeepcache=0\n", conf: ""}, "/etc/dnf/plugins/post-transaction-actions.d/hikae.action", "set keepcache=1"},
		"another directory": {map[string]string{"/etc/dnf/dnf.conf": "[main]\nkeepcache=yes\n", conf: "[main]\nactiondir=/etc/actions\n"}, "/etc/actions/hikae.action", ""},
		"outside of /etc":   {map[string]string{"/etc/dnf/dnf.conf": "", conf: "[main]\nactiondir=/etc/../srv/x\n"}, "", "set actiondir"},
		"no dnf":            {map[string]string{conf: "[main]\n"}, "", "/etc/dnf/dnf.conf is missing"},
		"no plug-in":        {map[string]string{"/etc/dnf/dnf.conf": "[main]\n"}, "", "install python3-dnf-plugin-post-transaction-actions"},
		"it is off":         {map[string]string{"/etc/dnf/dnf.conf": "", conf: "[main]\nenabled=False\n"}, "", "enabled=False"},
		"all are off":       {map[string]string{"/etc/dnf/dnf.conf": "[main]\nplugins=0\n", conf: "[main]\n"}, "", "plugins=0"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, first := range []bool{true, false} {
				changed, advice, err := hookHost(t, root, c.files).InstallHook(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if want := first && c.at != ""; changed != want || !strings.Contains(advice, c.advice) || (advice == "") != (c.advice == "") {
					t.Errorf("changed %v, advice %q; want %v, %q", changed, advice, want, c.advice)
				}
			}
			actions, err := filepath.Glob(filepath.Join(root, "rio1/etc/*/hikae.action"))
			more, _ := filepath.Glob(filepath.Join(root, "rio1/etc/*/*/*/hikae.action"))
			if actions = append(actions, more...); err != nil || (len(actions) == 1) != (c.at != "") || len(actions) == 1 && actions[0] != filepath.Join(root, "rio1", c.at) {
				t.Errorf("actions are %v, want %q (%v)", actions, c.at, err)
			}
		})
	}
}
