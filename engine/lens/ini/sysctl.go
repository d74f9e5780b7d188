package ini

import (
	"strings"

	"hikae/engine/lens"
)

// ParseSysctl reads a file of kernel parameters as sysctl.d(5) says: lines of
// KEY = VALUE, without sections; one that begins with # or ; is a comment. Other
// lines are statements of one word: nothing is refused.
func ParseSysctl(src []byte) (*lens.File, error) {
	b := builder{src: src}
	for _, line := range lens.Lines(src) {
		body := lens.Trim(src, line, lens.Blank)
		text := body.Of(src)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		equals := strings.IndexByte(text, '=')
		if equals < 1 {
			b.setting(body, body)
			continue
		}
		key := lens.Trim(src, lens.Span{Start: body.Start, End: body.Start + equals}, lens.Blank)
		value := lens.Trim(src, lens.Span{Start: body.Start + equals + 1, End: body.End}, lens.Blank)
		if value.Len() == 0 {
			value = lens.Span{Start: body.End, End: body.End}
		}
		b.setting(body, key, value)
	}
	return b.file(), nil
}
