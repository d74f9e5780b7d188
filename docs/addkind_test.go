package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```([a-z-]*) ?(\\S*)\n(.*?)^```$")

// The page that adds a kind is done as it says: its files are laid over the
// source, the line is added, and the tests of the new kind pass.
func TestAddAKind(t *testing.T) {
	page, err := os.ReadFile("add-a-kind.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	laid := map[string]string{}
	lay := func(name, text string) {
		p := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		laid[filepath.Join(top, name)] = p
	}
	source, console := "", ""
	folders := map[string]bool{}
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		switch sort, name, text := m[1], m[2], m[3]; sort {
		case "go":
			lay(name, text)
			folders[filepath.Dir(name)] = true
		case "go-line":
			lay(name, withLine(t, filepath.Join(top, name), text))
		case "console":
			console = text
		case "":
			source = text
		}
	}
	if len(folders) != 1 {
		t.Fatalf("one folder, the page says; it has %v", folders)
	}
	replace, err := json.Marshal(map[string]any{"Replace": laid})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		c := exec.Command("go", args...)
		c.Dir = top
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for folder := range folders {
		tests := filepath.Join(dir, "tests")
		run("test", "-c", "-vet=off", "-overlay", overlay, "-o", tests, "./"+folder)
		c := exec.Command(tests)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("the tests of %s: %v\n%s", folder, err, out)
		}
	}
	hikae := filepath.Join(dir, "hikae")
	run("build", "-overlay", overlay, "-o", hikae, "./cmd/hikae")
	if err := os.WriteFile(filepath.Join(dir, "environment.txt"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	command, want, _ := strings.Cut(console, "\n")
	c := exec.Command(hikae, strings.Fields(command)[2:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("%s prints\n%s(%v)\nand the page says\n%s", command, out, err, want)
	}
}

// withLine is the file that lists the modules with a line more, and its import.
func withLine(t *testing.T, path, line string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	src := string(b)
	pkg, _, _ := strings.Cut(strings.TrimSpace(line), ".")
	list := "return []engine.Lens{\n"
	if !strings.Contains(src, list) {
		t.Fatalf("%s does not list the lenses a line each", path)
	}
	src = strings.Replace(src, list, list+"\t\t"+line, 1)
	return strings.Replace(src, "\t\"hikae/modules/file\"\n", "\t\"hikae/modules/"+pkg+"\"\n\t\"hikae/modules/file\"\n", 1)
}
