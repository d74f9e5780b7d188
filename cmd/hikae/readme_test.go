package main

import (
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"hikae/engine/lang"
	"hikae/modules/all"
)

// The HCL that the README shows is HCL that hikae takes.
func TestReadmeExamples(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no HCL")
	}
	for _, b := range blocks {
		_, diags := lang.Load(fstest.MapFS{"readme.hcl": {Data: b[1]}}, all.Kinds(), lang.Options{Version: "0.1.0"})
		if diags.HasErrors() {
			t.Errorf("%s\n%v", b[1], diags)
		}
	}
}
