package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"hikae/engine/lang"
	"hikae/engine/watch"
	"hikae/modules/all"
)

// The page on the loop is done as it says, but for what needs its hosts: those
// commands are only understood.
func TestWatchPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(sort string) (all []string) {
		for _, m := range regexp.MustCompile("(?ms)^```"+sort+"\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
			all = append(all, m[1])
		}
		return all
	}
	dir := t.TempDir()
	for i, text := range blocks("hcl") {
		if _, diags := lang.Load(fstest.MapFS{"page.hcl": {Data: []byte(text)}}, all.Kinds(), lang.Options{Version: "0.1.0"}); diags.HasErrors() {
			t.Errorf("%s\n%v", text, diags)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("page%d.hcl", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(line string) (int, string) {
		args := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(line, "hikae "), "/srv/hikae", dir))
		var out, errOut bytes.Buffer
		code := run(t.Context(), args, &out, &errOut)
		return code, out.String() + errOut.String()
	}
	if code, out := do("hikae -C /srv/hikae init"); code != exitOK {
		t.Fatal(out)
	}
	written := fmt.Sprintf(`{"written":%q,"sources":[{"host":"rio1","state":"followed"}],"followers":[{"host":"rio2","source":"rio1","state":"in step","since":%[1]q}]}`,
		time.Now().UTC().Format(time.RFC3339))
	if err := os.MkdirAll(filepath.Join(dir, "states", ".store"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "states", ".store", "watch.json"), []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	// With nobody that watches, as here, monitoring is to hear of it.
	want := map[string]int{"hikae -C /srv/hikae status --behind 1m": exitBehind}
	hikae := 0
	for _, text := range blocks("sh") {
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			switch word, _, _ := strings.Cut(line, " "); {
			case word == "systemctl":
				if !strings.Contains(line, "daemon-reload") && !strings.HasSuffix(line, " hikae-watch") {
					t.Errorf("%s: of another unit", line)
				}
				continue
			case word != "hikae":
				t.Errorf("%s: nothing here runs it", line)
				continue
			case strings.Contains(line, " plan ") || strings.Contains(line, " apply "):
				line += " --help"
			}
			hikae++
			command, file, _ := strings.Cut(line, " > ")
			code, out := do(command)
			if code != want[command] {
				t.Errorf("%s: exit code %d\n%s", command, code, out)
			}
			if strings.HasSuffix(file, ".service") && !strings.Contains(out, "[Service]\nType=notify\n") {
				t.Errorf("%s: no unit:\n%s", command, out)
			}
		}
	}
	if hikae < 8 {
		t.Errorf("only %d commands", hikae)
	}
	for _, name := range regexp.MustCompile(`hikae_[a-z_]+`).FindAllString(string(page), -1) {
		var b bytes.Buffer
		if err := everyMetric().Metrics(&b, version, time.Now()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "# TYPE "+name+" ") {
			t.Errorf("there is no metric %s", name)
		}
	}
}

// everyMetric is a status of which all metrics are told.
func everyMetric() *watch.Status {
	now := time.Now()
	return &watch.Status{
		Started: now, Sources: []watch.SourceStatus{{Changed: now}}, Mirrors: []watch.MirrorStatus{{}},
		Followers: []watch.FollowerStatus{{Kinds: map[string]watch.KindStatus{"file": {}}, Applied: now, Audited: now}},
	}
}
