package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

//go:embed hikae-watch.service
var watchUnit string

// printUnit prints the unit that runs hikae watch on this project (systemd.service(5),
// no newer than systemd 239's).
func (a *app) printUnit() error {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return fmt.Errorf("cannot tell which program this is: %w", err)
	}
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	if _, err := a.project(); err != nil {
		return err
	}
	comment, rest, _ := strings.Cut(watchUnit, "\n")
	comment = strings.ReplaceAll(comment, "@PROJECT@", strings.ReplaceAll(dir, "\n", " "))
	_, err = fmt.Fprint(a.out, comment+"\n"+strings.NewReplacer("@HIKAE@", unitWord(exe), "@PROJECT@", unitWord(dir)).Replace(rest))
	return err
}

// unitWord writes a word of a unit's command line so that it is taken as it is:
// quoting and C's escapes (systemd.syntax(7)), specifiers (systemd.unit(5)) and
// variables (systemd.service(5)).
func unitWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '%' || c == '$':
			b.WriteByte(c)
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
