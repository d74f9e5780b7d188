package postfix

import (
	"bytes"
	"strings"

	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
)

// listBlanks are what parts the items of a list.
const listBlanks = ", \t\r\n"

// itemList is the items of a list: a restriction with its argument is one, of
// several words.
type itemList struct {
	texts []string
	words [][]lens.Span
}

// items are what a parameter's value lists.
func items(name string, src []byte, value lens.Span) itemList {
	var l itemList
	restrictions := strings.HasSuffix(name, "_restrictions")
	more := 0 // words that belong to the item before
	for _, w := range postfix.Words(src, value, listBlanks) {
		text := postfix.Text(src, w)
		if more > 0 {
			n := len(l.texts) - 1
			l.texts[n] += " " + text
			l.words[n] = append(l.words[n], w)
			more--
		} else {
			l.texts = append(l.texts, text)
			l.words = append(l.words, []lens.Span{w})
		}
		if restrictions {
			more += arguments(text)
		}
	}
	return l
}

// arguments is how many words follow a restriction: SMTPD_ACCESS_README and
// postconf(5).
func arguments(restriction string) int {
	r := strings.ToLower(restriction)
	switch {
	case r == "warn_if_reject", r == "sleep", r == "check_policy_service",
		strings.HasPrefix(r, "check_") && strings.HasSuffix(r, "_access"),
		strings.HasPrefix(r, "reject_rbl_"), strings.HasPrefix(r, "reject_rhsbl_"),
		strings.HasPrefix(r, "permit_dnswl_"), strings.HasPrefix(r, "permit_rhswl_"):
		return 1
	}
	return 0
}

func (l itemList) span(i int) lens.Span {
	return lens.Span{Start: l.words[i][0].Start, End: l.words[i][len(l.words[i])-1].End}
}

// setItems makes the items of a node others, and leaves alone those that stay.
func setItems(f *lens.File, n *lens.Node, old itemList, texts []string) {
	if len(old.texts) == 0 {
		postfix.SetValue(f, n, strings.Join(texts, ", "))
		return
	}
	sep := separator(f.Source(), old)
	gone := map[lens.Span]bool{}
	i, j := 0, 0
	for _, m := range append(same(old.texts, texts), [2]int{len(old.texts), len(texts)}) {
		paired := min(m[0]-i, m[1]-j)
		for k := range paired {
			f.Replace(old.span(i+k), texts[j+k])
		}
		switch more := texts[j+paired : m[1]]; {
		case len(more) == 0:
		case i+paired > 0:
			f.Insert(old.span(i+paired-1).End, sep+strings.Join(more, sep))
		default:
			f.Insert(old.span(0).Start, strings.Join(more, sep)+sep)
		}
		for ; i+paired < m[0]; i++ {
			for _, w := range old.words[i+paired] {
				gone[w] = true
			}
		}
		i, j = m[0]+1, m[1]+1
	}
	if len(gone) == 0 {
		return
	}
	words := []lens.Span{{Start: n.Words[0].Start, End: postfix.ValueSpan(f.Source(), n).Start}}
	for _, item := range old.words {
		words = append(words, item...)
	}
	removeWords(f, words, listBlanks, func(w lens.Span) bool { return gone[w] })
}

// maxSame bounds how long same looks for what two lists share.
const maxSame = 1 << 20

// same are the items that two lists share, in their order: the longest such
// sequence, or what they begin and end with where they are very long.
func same(a, b []string) [][2]int {
	head, tail := common(a, b)
	var pairs [][2]int
	for i := range head {
		pairs = append(pairs, [2]int{i, i})
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x)*len(y) <= maxSame {
		for _, m := range longest(x, y) {
			pairs = append(pairs, [2]int{m[0] + head, m[1] + head})
		}
	}
	for i := range tail {
		pairs = append(pairs, [2]int{len(a) - tail + i, len(b) - tail + i})
	}
	return pairs
}

// longest is the longest common subsequence of two lists.
func longest(a, b []string) [][2]int {
	n := make([][]int, len(a)+1) // n[i][j]: how long it is from a[i] and b[j] on
	n[len(a)] = make([]int, len(b)+1)
	for i := len(a) - 1; i >= 0; i-- {
		n[i] = make([]int, len(b)+1)
		for j := len(b) - 1; j >= 0; j-- {
			if n[i][j] = max(n[i+1][j], n[i][j+1]); a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case n[i+1][j] >= n[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// common is how many items two lists begin and end with that are the same.
func common(a, b []string) (head, tail int) {
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return head, tail
}

// separator is what a list puts between two items: a comma or none, and a blank
// or a line of its own.
func separator(src []byte, l itemList) string {
	if len(l.texts) < 2 {
		return ", "
	}
	next := l.span(1).Start
	gap := src[l.span(0).End:next]
	comma := ""
	if bytes.IndexByte(gap, ',') >= 0 {
		comma = ","
	}
	if bytes.IndexByte(gap, '\n') < 0 {
		return comma + " "
	}
	return comma + lens.Newline(src) + string(src[bytes.LastIndexByte(src[:next], '\n')+1:next])
}

// removeWords takes words of a node out: with their lines, where nothing else
// stands on these. The first word stays.
func removeWords(f *lens.File, words []lens.Span, blanks string, gone func(lens.Span) bool) {
	src := f.Source()
	for i := 0; i < len(words); {
		j := i + 1 // the words of a line, or of several that one word runs over
		for j < len(words) && bytes.IndexByte(src[words[j-1].End:words[j].Start], '\n') < 0 {
			j++
		}
		kept := i - 1 // the last that stays
		for k := i; k < j; k++ {
			if !gone(words[k]) {
				kept = k
			}
		}
		if kept < i {
			start := bytes.LastIndexByte(src[:words[i].Start], '\n') + 1
			end := words[j-1].End
			if n := bytes.IndexByte(src[end:], '\n'); n >= 0 {
				end += n + 1
			} else {
				end = len(src)
			}
			f.Delete(lens.Span{Start: start, End: end})
			i = j
			continue
		}
		for k := i; k < kept; k++ {
			if gone(words[k]) {
				f.Delete(lens.Span{Start: words[k].Start, End: words[k+1].Start})
			}
		}
		if kept < j-1 {
			end := words[j-1].End
			if kept == 0 { // the name: what parted the first items goes too
				for end < len(src) && src[end] != '\n' && strings.IndexByte(blanks, src[end]) >= 0 && src[end] != '\r' {
					end++
				}
			}
			f.Delete(lens.Span{Start: words[kept].End, End: end})
		}
		i = j
	}
}
