package lang

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the tests got as what they want")

// The files of a project in an archive, but for those that say what to expect.
const (
	wantFile  = "want"  // what FormatDiagnostics prints
	printFile = "print" // the project, where it is right
)

// TestLoad holds every archive in testdata to its "want" and "print".
func TestLoad(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys := fstest.MapFS{}
			for _, f := range ar.Files {
				if f.Name != wantFile && f.Name != printFile {
					fsys[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
				}
			}
			project, diags := Load(fsys, testSchemas(), Options{Version: "0.1.0-dev"})
			var out bytes.Buffer
			if err := FormatDiagnostics(&out, diags, fsys, false); err != nil {
				t.Fatal(err)
			}
			got := map[string][]byte{wantFile: out.Bytes()}
			if !diags.HasErrors() {
				got[printFile] = printProject(project)
			}
			if *update {
				writeArchive(t, name, ar, got)
				return
			}
			want := map[string][]byte{}
			for _, f := range ar.Files {
				want[f.Name] = f.Data
			}
			for _, f := range []string{wantFile, printFile} {
				if string(got[f]) != string(want[f]) {
					t.Errorf("%s is:\n%s\nwant:\n%s", f, got[f], want[f])
				}
			}
		})
	}
}

func writeArchive(t *testing.T, name string, ar *txtar.Archive, got map[string][]byte) {
	var files []txtar.File
	for _, f := range ar.Files {
		if f.Name != wantFile && f.Name != printFile {
			files = append(files, f)
		}
	}
	for _, f := range []string{wantFile, printFile} {
		if len(got[f]) > 0 {
			files = append(files, txtar.File{Name: f, Data: got[f]})
		}
	}
	ar.Files = files
	if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
