package apache

import (
	"bytes"
	"sort"

	"hikae/engine/lens"
)

// maxLine bounds a line, as httpd does: VARBUF_MAX_LEN of server/config.c.
const maxLine = 16 << 20

// line is one that httpd sees: lines of the file that backslashes join are one.
type line struct {
	text  []byte // without blanks around it
	whole lens.Span
	first part   // where the text's beginning is in the file
	more  []part // where it goes on elsewhere
	// odd: bytes of the file belong to it that no simple rule tells of.
	odd bool
}

// part says that the text from one index on is that of the file from an offset.
type part struct{ index, offset int }

// reader reads a file line by line, as ap_cfg_getline of server/util.c.
type reader struct {
	src    []byte
	at     int
	joined []byte // reused
}

// next reads a line into l. It reports false at the end.
func (r *reader) next(l *line) bool {
	if r.at >= len(r.src) {
		return false
	}
	*l = line{more: l.more[:0]}
	start, last := r.at, r.at
	raw := r.physical(l)
	if endsJoined(raw) {
		last = r.join(l, raw, start)
	} else {
		l.text, l.first.offset = raw, start
	}
	text := bytes.TrimLeft(l.text, lens.Blank)
	l.cut(len(l.text) - len(text))
	l.text = bytes.TrimRight(text, lens.Blank)
	// The span begins and ends with what stands there, be it only what joins.
	l.whole.Start = start + len(r.src[start:r.at]) - len(bytes.TrimLeft(r.src[start:r.at], lens.Blank))
	l.whole.End = max(last, start+len(bytes.TrimRight(r.src[start:r.at], lens.Blank)))
	return true
}

// physical takes a line off the file, what ends it included. What comes behind
// a NUL httpd does not see, a joining backslash neither.
func (r *reader) physical(l *line) []byte {
	end := len(r.src)
	if i := bytes.IndexByte(r.src[r.at:], '\n'); i >= 0 {
		end = r.at + i + 1
	}
	raw := r.src[r.at:end]
	r.at = end
	if nul := bytes.IndexByte(raw, 0); nul >= 0 {
		l.odd = l.odd || len(bytes.Trim(raw[nul:], lens.Blank+"\x00")) > 0
		return raw[:nul]
	}
	return raw
}

// endsJoined tells whether a text ends with a backslash and the end of a line.
func endsJoined(text []byte) bool {
	cut, ok := bytes.CutSuffix(text, []byte("\n"))
	return ok && bytes.HasSuffix(bytes.TrimSuffix(cut, []byte("\r")), []byte(`\`))
}

// join reads the lines that belong to the one that begins at start. It returns
// where the last of them begins.
func (r *reader) join(l *line, raw []byte, start int) (last int) {
	r.joined = append(r.joined[:0], raw...)
	l.first.offset = start
	// As httpd, it looks at all that was read so far: of two backslashes, an
	// empty line takes the other.
	for last = start; endsJoined(r.joined); {
		r.joined = r.joined[:bytes.LastIndexByte(r.joined, '\\')]
		last = r.at
		if r.at == len(r.src) {
			break
		}
		l.more = append(l.more, part{len(r.joined), r.at})
		raw := r.physical(l)
		l.odd = l.odd || len(bytes.TrimRight(raw, "\r\n")) == 0 && bytes.HasSuffix(bytes.TrimSuffix(r.joined, []byte("\r")), []byte(`\`))
		r.joined = append(r.joined, raw...)
	}
	l.text = r.joined
	return last
}

// cut says that n bytes are taken off the beginning of the text.
func (l *line) cut(n int) {
	l.first.index -= n
	for i := range l.more {
		l.more[i].index -= n
	}
}

// offset is where the byte of the text at an index is in the file.
func (l *line) offset(index int) int {
	p := l.first
	if i := sort.Search(len(l.more), func(i int) bool { return l.more[i].index > index }); i > 0 {
		p = l.more[i-1]
	}
	return p.offset + index - p.index
}

// span is where a part of the text is.
func (l *line) span(start, end int) lens.Span {
	if start == end {
		at := l.offset(start)
		return lens.Span{Start: at, End: at}
	}
	return lens.Span{Start: l.offset(start), End: l.offset(end-1) + 1}
}

// word is the next word of a text from an index on: where it is, and where
// what follows it begins. As ap_getword_conf of server/util.c: a quote that
// begins a word ends it, and what comes behind it is another; one that is not
// closed has all the rest.
func word(text []byte, at int) (start, end, next int) {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	start, end = at, at
	if end == len(text) {
		return start, end, end
	}
	if quote := text[end]; quote == '"' || quote == '\'' {
		for end++; end < len(text) && text[end] != quote; end++ {
			if text[end] == '\\' && end+1 < len(text) && (text[end+1] == quote || text[end+1] == '\\') {
				end++
			}
		}
		end = min(end+1, len(text))
	} else {
		for end < len(text) && !isBlank(text[end]) {
			end++
		}
	}
	for next = end; next < len(text) && isBlank(text[next]); {
		next++
	}
	return start, end, next
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// words are the words of a text between two indexes, added to those before.
func (l *line) words(words []lens.Span, at, end int) []lens.Span {
	for {
		start, stop, next := word(l.text[:end], at)
		if start == stop {
			return words
		}
		words = append(words, l.span(start, stop))
		at = next
	}
}
