package dovecot

import (
	"bytes"

	"hikae/engine/lens"
)

// blank is what dovecot 2.3 skips: IS_WHITE.
const blank = " \t"

// reader goes through a file by logical lines.
type reader struct {
	src []byte
	at  int

	// The line that was read last: its bytes, the parts of them that say something,
	// and the text of these. Without parts it is what dovecot forgets.
	whole  lens.Span
	parts  []lens.Span
	text   []byte
	joined []byte // room for text
}

// next reads a logical line. It reports false at the end of the file.
func (r *reader) next() bool {
	r.parts = r.parts[:0]
	begun := false
	for r.at < len(r.src) {
		l := r.physical()
		if l.empty && !begun && l.whole.Len() == 0 {
			continue
		}
		if !begun {
			begun, r.whole = true, l.whole
		}
		if l.whole.Len() > 0 {
			r.whole.End = l.whole.End
		}
		if l.empty {
			r.parts = r.parts[:0]
			return true
		}
		if l.says.Len() > 0 {
			r.parts = append(r.parts, l.says)
		}
		if !l.goesOn {
			r.join()
			return true
		}
	}
	r.parts = r.parts[:0]
	return begun
}

// join makes the text of the parts.
func (r *reader) join() {
	if len(r.parts) == 1 {
		r.text = r.src[r.parts[0].Start:r.parts[0].End]
		return
	}
	r.joined = r.joined[:0]
	for i, s := range r.parts {
		if i > 0 {
			r.joined = append(r.joined, ' ')
		}
		r.joined = append(r.joined, r.src[s.Start:s.End]...)
	}
	r.text = r.joined
}

// physical is one line of a file.
type physical struct {
	whole  lens.Span // from what it says first to what it says last, a backslash and what is behind a zero byte included
	says   lens.Span
	goesOn bool
	empty  bool // it is blank or a comment
}

// physical reads one line. What is behind a zero byte dovecot does not see.
func (r *reader) physical() physical {
	start, full := r.at, len(r.src)
	if i := bytes.IndexByte(r.src[start:], '\n'); i >= 0 {
		full = start + i
	}
	r.at = min(full+1, len(r.src))
	if full > start && r.src[full-1] == '\r' {
		full--
	}
	end := full
	if i := bytes.IndexByte(r.src[start:full], 0); i >= 0 {
		end = start + i
	}
	stop := r.comment(start, end)
	says := lens.Trim(r.src, lens.Span{Start: start, End: stop}, blank)
	l := physical{whole: says, says: says, empty: says.Len() == 0}
	if rest := lens.Trim(r.src, lens.Span{Start: end, End: full}, lens.Blank+"\x00"); stop == end && rest.Len() > 0 {
		l.whole.End = full // without the node nothing of it is left to be read
	}
	if !l.empty && r.src[says.End-1] == '\\' {
		l.goesOn = true
		l.says = lens.Trim(r.src, lens.Span{Start: says.Start, End: says.End - 1}, blank)
	}
	return l
}

// comment is where the comment of a line begins, or its end: a # outside of
// quotes. A quote that nothing closes on the line leaves all behind it as it is.
func (r *reader) comment(at, end int) int {
	for ; at < end; at++ {
		switch q := r.src[at]; q {
		case '#':
			return at
		case '\'', '"':
			for at++; at < end && r.src[at] != q; at++ {
				if r.src[at] == '\\' && at+1 < end {
					at++
				}
			}
		}
	}
	return end
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// offset is where a byte of the text stands in the file; at the end of the text,
// behind its last.
func (r *reader) offset(at int) int {
	for _, s := range r.parts {
		if at < s.Len() {
			return s.Start + at
		}
		at -= s.Len() + 1
	}
	return r.parts[len(r.parts)-1].End
}

// spans adds where a range of the text stands in the file: a span for each line
// that it is on.
func (r *reader) spans(to []lens.Span, w lens.Span) []lens.Span {
	if w.Len() == 0 {
		at := r.offset(w.Start)
		return append(to, lens.Span{Start: at, End: at})
	}
	at := 0 // where the part begins in the text
	for _, s := range r.parts {
		if from, end := max(w.Start, at), min(w.End, at+s.Len()); from < end {
			to = append(to, lens.Span{Start: s.Start + from - at, End: s.Start + end - at})
		}
		at += s.Len() + 1
	}
	return to
}
