package postfix

import (
	"strings"

	"hikae/engine/lens"
)

// Columns are how many a service of master.cf has: name, type, private,
// unprivileged, chroot, wakeup, process limit, and command. Arguments follow.
const Columns = 8

// MasterBlanks are what parts the columns of master.cf.
const MasterBlanks = " \t\r\n"

// Master is the grammar of master.cf.
func Master() lens.Grammar {
	return lens.Grammar{
		Name:     "postfix-master",
		Files:    []string{"/etc/postfix/master.cf"},
		Place:    func(string) string { return "/etc/postfix/master.cf" },
		Parse:    ParseMaster,
		Comments: []string{"#"},
	}
}

// ParseMaster reads master.cf, master(5): each logical line is a service. The
// words of a node are its columns and the arguments behind them, each as
// written: one in braces may have blanks in it, and run over several lines. What
// master(8) or postconf(1) refuses is refused: too few columns, a column that
// cannot be, a brace that is not closed or that text follows.
func ParseMaster(src []byte) (*lens.File, error) {
	return file(src, func(s lens.Span) ([]lens.Span, error) {
		words := Words(src, s, MasterBlanks)
		return words, checkService(src, s, words)
	})
}

func checkService(src []byte, whole lens.Span, words []lens.Span) error {
	if len(words) < Columns {
		return lens.ErrorAt(src, whole.Start, "a service has %d columns, and here are %d: a line that goes on with one begins with a blank", Columns, len(words))
	}
	for i, w := range words {
		text := Text(src, w)
		if i < Columns {
			if why := CheckColumn(i, text); why != "" {
				return lens.ErrorAt(src, w.Start, "%.60q is not %s", text, why)
			}
			continue
		}
		if text[0] != '{' {
			continue
		}
		switch n := balanced(text); {
		case n == 0:
			return lens.ErrorAt(src, w.Start, "a brace is not closed")
		case n < len(text):
			return lens.ErrorAt(src, w.Start, "text follows a closing brace")
		}
	}
	return nil
}

// CheckColumn says what a column of a service is to be, where a text cannot
// stand in it; "" where it can.
func CheckColumn(i int, text string) string {
	switch i {
	case 1:
		switch text {
		case "inet", "unix", "unix-dgram", "fifo", "pass":
			return ""
		}
		return "a service's type: inet, unix, unix-dgram, fifo or pass"
	case 2, 3, 4:
		if text == "y" || text == "n" || text == "-" {
			return ""
		}
		return "y, n or -, in one of the columns private, unprivileged and chroot"
	case 5:
		text = strings.TrimSuffix(text, "?")
		if text == "-" || text != "" && digits(text) {
			return ""
		}
		return "a wakeup time: seconds, with ? behind them where only a service in use is woken, or -"
	case 6:
		if text == "-" || digits(text) {
			return ""
		}
		return "how many processes there may be: a number, or -"
	}
	return ""
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// balanced is how long the text in braces is that a text begins with, the braces
// included; 0 where they are not closed.
func balanced(text string) int {
	level := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// Unbrace is what an argument says: its text, without braces around it and the
// blanks inside them.
func Unbrace(text string) string {
	if text != "" && text[0] == '{' && balanced(text) == len(text) {
		return strings.Trim(text[1:len(text)-1], lens.Blank)
	}
	return text
}

// Brace is a text as an argument: in braces where it would be parted or taken
// for braced otherwise. It reports false where it cannot be written.
func Brace(text string) (string, bool) {
	if strings.ContainsAny(text, "\n\r\x00") || strings.Trim(text, lens.Blank) != text {
		return "", false
	}
	behind := []byte(text + " x")
	if text != "" && text[0] != '{' {
		if words := Words(behind, lens.Span{End: len(behind)}, MasterBlanks); len(words) == 2 && words[0].Len() == len(text) {
			return text, true
		}
	}
	braced := "{ " + text + " }"
	if balanced(braced) != len(braced) {
		return "", false
	}
	return braced, true
}
