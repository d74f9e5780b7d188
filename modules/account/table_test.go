package account

import (
	"strings"
	"testing"
)

func passwdTable(data string) *table {
	return parseTable(passwdPath, []byte(data), pwFields, pwUID, pwGID)
}

func TestTableKeepsWhatItDoesNotTouch(t *testing.T) {
	in := "# by hand\nroot:x:0:0:root:/root:/bin/bash\n\nbroken line\nann:x:1000:1000::/home/ann:/bin/sh\nbad:x:abc:1::/:/\n" +
		"ann:x:1:1:hidden:/:/\nlatin:x:1001:1001:J\xf6rg:/home/latin:/bin/sh\n+@netgroup\n+::::::\n"
	tb := passwdTable(in)
	if got := string(tb.bytes()); got != in {
		t.Fatalf("changed without an edit:\n%q", got)
	}
	f, ok := tb.get("ann")
	if !ok || f[pwUID] != "1000" {
		t.Fatalf("ann is %v", f)
	}
	f[pwShell] = "/bin/zsh"
	if err := tb.set(f); err != nil {
		t.Fatal(err)
	}
	if err := tb.set([]string{"bob", "x", "1002", "1002", "", "/home/bob", "/bin/sh"}); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(in, "/home/ann:/bin/sh", "/home/ann:/bin/zsh", 1)
	want = strings.Replace(want, "+@netgroup", "bob:x:1002:1002::/home/bob:/bin/sh\n+@netgroup", 1)
	if got := string(tb.bytes()); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	tb.remove("ann")
	if _, ok := tb.get("ann"); ok {
		t.Error("the hidden entry came into force")
	}
}

func TestTableAddsToAnyEnd(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "a:x:1:1::/:/\n",
		"r:x:0:0::/:/":          "r:x:0:0::/:/\na:x:1:1::/:/\n",
		"r:x:0:0::/:/\n":        "r:x:0:0::/:/\na:x:1:1::/:/\n",
		"r:x:0:0::/:/\n+::::::": "r:x:0:0::/:/\na:x:1:1::/:/\n+::::::\n",
		"+\n":                   "a:x:1:1::/:/\n+\n",
	} {
		tb := passwdTable(in)
		if err := tb.set(strings.Split("a:x:1:1::/:/", ":")); err != nil {
			t.Fatal(err)
		}
		if got := string(tb.bytes()); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTableRefusesFieldsThatBreakIt(t *testing.T) {
	for _, field := range []string{"a:b", "a\nroot::0:0::/:/bin/sh", "a\x00b"} {
		tb := passwdTable("")
		if err := tb.set([]string{"ann", "x", "1000", "1000", field, "/", "/bin/sh"}); err == nil || tb.changed {
			t.Errorf("field %q was taken", field)
		}
	}
	for _, name := range []string{"", "+ann", "-ann", "#ann"} {
		if err := passwdTable("").set([]string{name, "x", "1000", "1000", "", "/", "/bin/sh"}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/bash\n+\n", "ann", "x")
	f.Add("a:::::\n#", "b", ":")
	f.Fuzz(func(t *testing.T, in, name, gecos string) {
		tb := passwdTable(in)
		if got := string(tb.bytes()); got != in {
			t.Fatalf("%q became %q", in, got)
		}
		if err := tb.set([]string{name, "x", "7", "7", gecos, "/", "/"}); err != nil {
			if string(tb.bytes()) != in {
				t.Fatal("a refused entry changed the table")
			}
			return
		}
		again := passwdTable(string(tb.bytes()))
		got, ok := again.get(name)
		if !ok || got[pwGecos] != gecos || got[pwUID] != "7" {
			t.Fatalf("wrote %q %q, read %v", name, gecos, got)
		}
		// Every line that was there still is, in its order.
		rest := strings.Split(string(tb.bytes()), "\n")
		for _, l := range strings.Split(in, "\n") {
			i := 0
			for i < len(rest) && rest[i] != l && !strings.HasPrefix(rest[i], name+":") {
				i++
			}
			if i == len(rest) {
				t.Fatalf("line %q is gone", l)
			}
			if rest[i] == l {
				rest = rest[i+1:]
			}
		}
	})
}
