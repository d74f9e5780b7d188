package lenstest

import (
	"archive/tar"
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Daemon asks a real daemon's own programs what they make of files: it runs a
// shell script on the lab's primary, in a new directory that holds the files (by
// relative paths) and is removed after it, and returns what the script wrote to
// its standard output. Many files in one call are cheap, many calls are not.
//
// Tests that call it are named TestLab…: make test runs those once the lab's
// hosts are up (HIKAE_TEST_LAB), and elsewhere they are skipped.
func Daemon(t *testing.T, files map[string]string, script string) string {
	t.Helper()
	if os.Getenv("HIKAE_TEST_LAB") == "" {
		t.Skip("needs the lab: make test")
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const inDir = `d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && chmod 755 "$d" && cd "$d" && tar -xf - && `
	cmd := exec.Command(labScript(t), "exec", "primary", "--", "bash", "-c", inDir+script)
	cmd.Stdin = &archive
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("on the lab's primary: %v: %s%s", err, out, complaint.Bytes())
	}
	return string(out)
}

// labScript is the lab's script, from wherever below the top a test runs.
func labScript(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		p := filepath.Join(dir, "testdata/lab/lab")
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	t.Fatal("testdata/lab/lab is not above the test")
	return ""
}
