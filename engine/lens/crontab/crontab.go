// Package crontab is the grammar of crontab(5), as cronie reads it
// (src/misc.c, src/env.c and src/entry.c): each line is by itself. Empty lines
// and those whose first character that is no blank is a # count for nothing. A
// line NAME = VALUE sets a variable for the jobs below it; any other is a job:
// five fields that say when, or @daily and its like, and a command to the line's
// end. In the system's tables a user stands before the command; to the grammar
// that is the command's first word.
package crontab

import (
	"bytes"
	"path"
	"strings"

	"hikae/engine/lens"
)

// Grammar is the one of people's tables, and of any other: a file that is called
// crontab is taken for /etc/crontab.
func Grammar() lens.Grammar {
	return lens.Grammar{
		Name:  "crontab",
		Files: []string{"/var/spool/cron/*"},
		Place: func(name string) string {
			if path.Base(name) == "crontab" {
				return "/etc/crontab"
			}
			return place("/var/spool/cron", name)
		},
		Parse:    Parse,
		Comments: []string{"#"},
	}
}

// System is the grammar of the system's tables, whose jobs name a user.
func System() lens.Grammar {
	return lens.Grammar{
		Name:  "cron.d",
		Files: []string{"/etc/crontab", "/etc/cron.d/*"},
		Place: func(name string) string { return place("/etc/cron.d", name) },
		Parse: func(src []byte) (*lens.File, error) {
			f, err := Parse(src)
			if err != nil {
				return nil, err
			}
			for _, n := range f.Root.Nodes {
				if when, ok := Job(src, n); ok && len(lens.Fields(src, n.Words[when], 2)) < 2 {
					return nil, lens.ErrorAt(src, n.Words[when].Start, "a job of the system's tables says whose it is, before what is to be done")
				}
			}
			return f, nil
		},
		Comments: []string{"#"},
	}
}

// place is a path that crond does not pass over.
func place(dir, name string) string {
	if Ignored(path.Base(name)) {
		name = "table"
	}
	return path.Join(dir, path.Base(name))
}

// Ignored tells whether crond passes over a file of this name: not_a_crontab of
// cronie's src/database.c.
func Ignored(base string) bool {
	return base == "" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "#") || strings.HasSuffix(base, "~") ||
		strings.HasSuffix(base, ".rpmsave") || strings.HasSuffix(base, ".rpmorig") || strings.HasSuffix(base, ".rpmnew")
}

// Parse reads a crontab. As crontab(1) does it refuses one with a line that
// crond(8) would pass over.
func Parse(src []byte) (*lens.File, error) {
	f, bad := Read(src)
	if len(bad) > 0 {
		return nil, bad[0]
	}
	return f, nil
}

// Read reads a crontab as crond(8) does: it goes on behind a line that is no good.
// Such a line is a node with one word, all of it, and an error, a
// *lens.SyntaxError.
//
// The words of a job are five that say when, or one that begins with @, and the
// rest of the line; those of a variable are its name and its value, quotes
// included, or the name alone where the value is empty.
func Read(src []byte) (*lens.File, []error) {
	var b lens.Builder
	var nodes []*lens.Node
	var bad []error
	for at := 0; at < len(src); {
		line := lens.Span{Start: at, End: len(src)}
		if i := bytes.IndexByte(src[at:], '\n'); i >= 0 {
			line.End = at + i + 1
		}
		at = line.End
		body := lens.Trim(src, line, lens.Blank)
		if body.Len() == 0 || src[body.Start] == '#' {
			continue
		}
		n := lens.Node{Whole: body}
		if name, value, ok := variable(src, body); ok {
			n.Words = append(n.Words, name)
			if value.Len() > 0 {
				n.Words = append(n.Words, value)
			}
		} else if words, err := job(src, body); err != nil {
			n.Words = []lens.Span{body}
			bad = append(bad, err)
		} else {
			n.Words = words
		}
		nodes = append(nodes, b.Node(n))
	}
	return lens.NewFile(src, nodes), bad
}

// Job tells of what Read has read whether a node is a job, and in how many words
// it says when.
func Job(src []byte, n *lens.Node) (when int, ok bool) {
	if _, _, set := variable(src, n.Whole); set || len(n.Words) < 2 {
		return 0, false
	}
	return len(n.Words) - 1, true
}

// variable reads a line that sets one, as load_env does.
func variable(src []byte, s lens.Span) (name, value lens.Span, ok bool) {
	name = lens.Span{Start: s.Start, End: s.Start}
	if q := src[s.Start]; q == '"' || q == '\'' {
		end := bytes.IndexByte(src[s.Start+1:s.End], q)
		if end < 0 || bytes.IndexByte(src[s.Start+1:s.Start+1+end], '=') >= 0 {
			return name, value, false
		}
		name.End = s.Start + end + 2
	} else {
		for name.End < s.End && src[name.End] != '=' && !blank(src[name.End]) {
			name.End++
		}
	}
	at := name.End
	for at < s.End && blank(src[at]) {
		at++
	}
	if at == s.End || src[at] != '=' {
		return name, value, false
	}
	value = lens.Trim(src, lens.Span{Start: at + 1, End: s.End}, lens.Blank)
	if value.Len() == 0 {
		return name, value, true
	}
	// Quotes go to the end, or the line sets nothing.
	if q := src[value.Start]; q == '"' || q == '\'' {
		end := bytes.IndexByte(src[value.Start+1:value.End], q)
		return name, value, value.Start+1+end == value.End-1 && end >= 0
	}
	return name, value, true
}

func blank(c byte) bool { return strings.IndexByte(lens.Blank, c) >= 0 }

// job reads a line that says when to do what.
func job(src []byte, s lens.Span) ([]lens.Span, error) {
	start := s
	if src[s.Start] == '-' { // not to be logged
		start.Start++
	}
	times := Fields
	if start.Len() > 0 && src[start.Start] == '@' {
		times = 1
	}
	words := lens.Fields(src, start, times+1)
	for i, w := range words[:min(times, len(words))] {
		check := func(w string) string { return checkField(i, w, false) }
		if times == 1 {
			check = checkNickname
		}
		if why := check(w.Of(src)); why != "" {
			return nil, lens.ErrorAt(src, w.Start, "%s", why)
		}
	}
	if len(words) <= times {
		return nil, lens.ErrorAt(src, s.Start, "a job says when it is due, in %d fields or as @daily and its like, and what is to be done", Fields)
	}
	return words, nil
}
