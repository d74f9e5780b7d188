package engine_test

import (
	"testing"

	"hikae/engine"
)

func TestFormIsCompiledOnce(t *testing.T) {
	form := engine.Form(`^[a-z]{1,3}$`)
	if first, again := form(), form(); first != again {
		t.Error("two questions compile it twice")
	}
	for text, want := range map[string]bool{"abc": true, "": false, "abcd": false} {
		if got := form().MatchString(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
