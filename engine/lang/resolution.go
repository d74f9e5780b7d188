package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/hosts"
)

// Resolution is how a person merged a file for a host, and of which three
// contents that is. It is data: hikae resolve writes it, people read it and
// keep it with the project.
type Resolution struct {
	Path string // of the file on the host
	// Take is TakeOurs or TakeTheirs; "" where Bytes names a file beside that
	// of the resolutions, with the merged bytes.
	Take, Bytes string
	Sides       engine.Sides
}

// What a resolution may take whole.
const (
	TakeOurs   = "ours"   // the source's file
	TakeTheirs = "theirs" // what the host's package installed
)

const resolutionNotice = `# How conflicting changes of files were merged for this host, by hikae resolve.
# base, ours and theirs say of which contents: what the source's package
# installed, the source's own file, what this host's package installed. When one
# changes, the difference is merged on top; hikae plan says when that cannot be.
# Remove a block to be asked again.

`

// EncodeResolutions writes resolutions in the order of their paths.
func EncodeResolutions(rs []Resolution) []byte {
	w := &blockWriter{}
	w.buf.WriteString(resolutionNotice)
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(a, b Resolution) int { return strings.Compare(a.Path, b.Path) })
	for _, r := range rs {
		attrs := []attrText{{"take", quote(r.Take)}}
		if r.Take == "" {
			attrs = []attrText{{"bytes", rawText(r.Bytes)}}
		}
		attrs = append(attrs, attrText{"base", contentID(r.Sides.Base)}, attrText{"ours", contentID(r.Sides.Ours)}, attrText{"theirs", contentID(r.Sides.Theirs)})
		w.block(0, header("resolution", r.Path), attrs)
	}
	return w.buf.Bytes()
}

// contentID names a content: "SHA-256:SIZE", or as a secret.
func contentID(c hosts.Content) string {
	if c.Sealed {
		return quote(engine.SecretRef(c))
	}
	return quote(fmt.Sprintf("%s:%d", c.ID, c.Size))
}

// DecodeResolutions is the inverse of EncodeResolutions. name is the file's, for
// diagnostics.
func DecodeResolutions(src []byte, name string) ([]Resolution, hcl.Diagnostics) {
	if len(src) > maxProjectFile {
		return nil, hcl.Diagnostics{failure(wholeFile(name), fmt.Sprintf("this file is larger than %d MiB", maxProjectFile>>20), "Remove resolutions that are not needed any more.")}
	}
	var out []Resolution
	seen := map[string]bool{}
	diags := parseLiterals(name, src, func(b litBlock) hcl.Diagnostics {
		r, err := decodeResolution(b)
		if err == nil && seen[r.Path] {
			err = errors.New("this file is resolved twice")
		}
		if err != nil {
			return hcl.Diagnostics{failure(b.rng, err.Error(), "Remove the block and run hikae resolve again.")}
		}
		seen[r.Path] = true
		out = append(out, r)
		return nil
	})
	return out, diags
}

func decodeResolution(b litBlock) (r Resolution, err error) {
	if b.kind != "resolution" || len(b.labels) != 1 || len(b.blocks) > 0 {
		return r, errors.New(`wanted resolution "PATH" { ... }`)
	}
	if r.Path, err = Unescape(b.labels[0]); err != nil {
		return r, err
	}
	if err := checkPath(r.Path); err != nil {
		return r, err
	}
	sides := map[string]*hosts.Content{"base": &r.Sides.Base, "ours": &r.Sides.Ours, "theirs": &r.Sides.Theirs}
	for _, a := range b.attrs {
		text, err := a.value.raw()
		side := sides[a.name]
		switch {
		case err != nil:
		case a.name == "take" && (text == TakeOurs || text == TakeTheirs):
			r.Take = text
		case a.name == "bytes" && fs.ValidPath(text):
			r.Bytes = text
		case side != nil:
			*side, err = parseContent(text)
		default:
			err = errors.New("this is not known here")
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", a.name, err)
		}
	}
	for name, c := range sides {
		if c.ID.IsZero() {
			return r, fmt.Errorf("%s is missing", name)
		}
	}
	if (r.Take == "") == (r.Bytes == "") {
		return r, errors.New("wanted either take or bytes")
	}
	return r, nil
}

func parseContent(s string) (c hosts.Content, err error) {
	if c, err := engine.ParseSecret(s); err == nil && c.Size >= 0 {
		return c, nil
	}
	id, size, _ := strings.Cut(s, ":")
	if c.ID, err = hosts.ParseID(id); err != nil {
		return c, err
	}
	if c.Size, err = strconv.ParseInt(size, 10, 64); err != nil || c.Size < 0 {
		return c, fmt.Errorf("%q is no size", size)
	}
	return c, nil
}
