package lens

import "strings"

// Words is the grammar of files that are no more than lines of words: sshd_config
// and its like. A line whose first word begins with # is a comment. A name is as
// good in capitals.
func Words() Grammar {
	return Grammar{
		Name:     "words",
		Place:    func(name string) string { return "/etc/" + name },
		Parse:    parseWords,
		Comments: []string{"#"},
		Fold:     strings.ToLower,
	}
}

func parseWords(src []byte) (*File, error) {
	var b Builder
	var nodes []*Node
	for _, line := range Lines(src) {
		s := Trim(src, line, Blank)
		if s.Len() == 0 || src[s.Start] == '#' {
			continue
		}
		nodes = append(nodes, b.Node(Node{Whole: s, Words: Fields(src, s, -1)}))
	}
	return NewFile(src, nodes), nil
}
