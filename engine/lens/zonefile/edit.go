package zonefile

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"hikae/engine/lens"
)

// Set gives a record another time to live, "" for none, and other data: of these
// the words that differ, or all where there are more or fewer.
func Set(r *Record, ttl string, words []string) {
	f := r.File
	if len(words) != len(r.Data) && parentheses(f.Source(), r.Node) {
		f.Replace(r.Node.Whole, plain(r, ttl, words))
		return
	}
	if ttl != r.TTL.Of(f.Source()) {
		setTTL(r, ttl)
	}
	if len(words) != len(r.Data) {
		f.Replace(lens.Span{Start: r.Data[0].Start, End: r.Data[len(r.Data)-1].End}, strings.Join(words, " "))
		return
	}
	for i, w := range r.Data {
		if w.Of(f.Source()) != words[i] {
			f.SetWord(w, words[i])
		}
	}
}

// plain is a record as one line, its words parted by blanks.
func plain(r *Record, ttl string, words []string) string {
	var text []string
	for _, w := range []lens.Span{r.Entry.Owner, r.Class, r.Type} {
		if w == r.Type && ttl != "" {
			text = append(text, ttl)
		}
		if w.Len() > 0 {
			text = append(text, w.Of(r.File.Source()))
		}
	}
	return strings.Join(append(text, words...), " ")
}

// parentheses tells whether an entry has some.
func parentheses(src []byte, n *lens.Node) bool {
	at := n.Whole.Start
	for _, w := range n.Words {
		if bytes.ContainsAny(src[at:w.Start], "()") {
			return true
		}
		at = w.End
	}
	return bytes.IndexByte(src[at:n.Whole.End], ')') >= 0
}

// setTTL gives a record a time to live, or takes it out where it is "".
func setTTL(r *Record, ttl string) {
	f := r.File
	switch {
	case r.TTL.Len() > 0 && ttl != "":
		f.SetWord(r.TTL, ttl)
	case r.TTL.Len() > 0:
		next := r.Node.Words[slices.Index(r.Node.Words, r.TTL)+1]
		end := r.TTL.End
		if gap := f.Source()[end:next.Start]; !bytes.ContainsAny(gap, "();\r\n") {
			end = next.Start
		}
		f.Delete(lens.Span{Start: r.TTL.Start, End: end})
	case ttl != "" && r.Class.Len() > 0:
		f.Insert(r.Class.Start, ttl+" ")
	case ttl != "":
		f.Insert(r.Type.Start, ttl+" ")
	}
}

// Remove takes a record out. heir, if there is one, is the record behind it that
// has its owner from it.
func Remove(r, heir *Record) {
	r.File.Remove(r.Node)
	if r.Entry.Owner.Len() == 0 || heir == nil {
		return
	}
	owner := r.Entry.Owner.Of(r.File.Source())
	if r.Origin != heir.Origin {
		owner = r.Owner // an $ORIGIN stands between
	}
	heir.File.Insert(LineStart(heir.File.Source(), heir.Node), owner)
}

// LineStart is where the line begins that an entry begins on.
func LineStart(src []byte, n *lens.Node) int {
	return bytes.LastIndexByte(src[:n.Whole.Start], '\n') + 1
}

// Line is a record as text, spaced as another: owner is "" for that of the
// record before it.
func Line(like *Record, owner, ttl, typ string, words []string) string {
	gap, class, before := "\t", "IN ", "\t"
	if like != nil {
		src := like.File.Source()
		class = ""
		if like.Class.Len() > 0 {
			class = like.Class.Of(src) + between(src, like.Class.End, next(like, like.Class).Start)
		}
		if len(like.Data) > 0 {
			before = between(src, like.Type.End, like.Data[0].Start)
		}
		first := like.Node.Words[0]
		if like.Entry.Owner.Len() > 0 {
			gap = between(src, first.End, next(like, first).Start)
			gap = fit(gap, first.Len(), len(owner))
		} else {
			gap = between(src, LineStart(src, like.Node), first.Start)
			gap = fit(gap, 0, len(owner))
		}
	}
	if ttl != "" {
		ttl += " "
	}
	return owner + gap + ttl + class + typ + before + strings.Join(words, " ")
}

// next is the word behind another.
func next(r *Record, w lens.Span) lens.Span {
	return r.Node.Words[slices.Index(r.Node.Words, w)+1]
}

// between is the blanks between two places; one where something else is there.
func between(src []byte, from, to int) string {
	gap := string(src[from:to])
	switch {
	case gap != "" && strings.Trim(gap, " \t") == "":
		return gap
	case gap != "" && gap[0] == '\t':
		return "\t"
	}
	return " "
}

// fit makes a gap of blanks, behind a word, reach as far behind another.
func fit(gap string, was, is int) string {
	if strings.Trim(gap, " ") != "" {
		return gap // tabs
	}
	return strings.Repeat(" ", max(1, len(gap)+was-is))
}

// InsertAfter writes a line behind an entry, or at the end of the file where that
// is nil.
func InsertAfter(f *lens.File, n *lens.Node, line string) {
	src := f.Source()
	if n == nil {
		f.Append(line)
		return
	}
	if i := bytes.IndexByte(src[n.Whole.End:], '\n'); i >= 0 {
		f.Insert(n.Whole.End+i+1, line+lens.Newline(src))
		return
	}
	f.Insert(len(src), lens.Newline(src)+line)
}

// NextSerial is the serial number behind one, in its style: that of a date,
// YYYYMMDDnn, stays one, and behind its hundredth change of a day comes the first
// of the next. Else it is one more. Either way it is newer by RFC 1982. No clock
// is asked: the same file gives the same number.
func NextSerial(serial uint32) uint32 {
	if serial%100 == 99 {
		if day, err := time.Parse("20060102", decimals(serial/100)); err == nil && day.Year() >= 1970 {
			y, m, d := day.AddDate(0, 0, 1).Date()
			return (uint32(y)*10000 + uint32(m)*100 + uint32(d)) * 100 //nolint:gosec // a day of four digits' year
		}
	}
	return max(serial+1, 1) // 0 is no newer to some: as BIND does
}

func decimals(n uint32) string {
	var b [8]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return string(b[:])
}
