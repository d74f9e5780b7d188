package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine/lens"
	"hikae/hosts"
)

// Lens is a two-way view of the files that one daemon reads. It never touches
// a host: it looks at a tree of candidate files and says what resources they
// amount to, or how they must read for the resources to be others.
//
// Every lens holds three laws, and modules/lenstest holds it to them:
//
//   - Put of no edit changes no byte;
//   - Get after Put shows exactly what was edited;
//   - an edit touches only the bytes of what it edits: comments, order and
//     spacing of all else stay, and so does what the lens does not understand.
type Lens interface {
	// Kinds are the kinds of resources that the lens shows.
	Kinds() []Schema
	// Get reads the tree. A file that the daemon would refuse is an error
	// diagnostic with its place; one that the daemon would pass over, a
	// warning; the rest of the tree is read all the same.
	Get(t Tree) ([]Resource, hcl.Diagnostics)
	// Put returns the files that are to change so that the edits are made, in
	// the order of their paths, and resources of other kinds that they imply.
	// With an error diagnostic nothing is to be changed.
	Put(t Tree, edits []Edit) ([]FileEdit, []Resource, hcl.Diagnostics)
	// Grammars are those that the files are read by: what can be asked of one file
	// alone, without a host.
	Grammars() []lens.Grammar
	// Verbatim is where the statements are that Get shows nothing of, in the
	// order of the files: they are kept as they are.
	Verbatim(t Tree) []hcl.Range
	// Units are the daemons that read the files; none for what is read only
	// when it is used.
	Units() []Unit
}

// Tree is the candidate files of a host. Paths are absolute, clean and raw
// bytes. Contents are fetched only when they are opened.
type Tree interface {
	Facts() hosts.Facts
	// Stat says what stands at a path, without following a link there.
	// fs.ErrNotExist where nothing does.
	Stat(path string) (hosts.Node, error)
	// ReadDir lists the names in a directory, sorted.
	ReadDir(path string) ([]string, error)
	// ReadFile returns a regular file's bytes, which must not be changed.
	ReadFile(path string) ([]byte, error)
}

// Edit is what is wished of one resource that a lens shows.
type Edit struct {
	Addr   Addr
	Absent bool // it is to be removed
	// Attrs are the attributes to set, of the schema's types. Null takes the
	// setting out, so that the daemon's default holds; one that is not here
	// stays as it is.
	Attrs map[string]cty.Value

	Range  hcl.Range            // of the block that wishes it
	Ranges map[string]hcl.Range // of each attribute
}

// RangeOf is where an attribute was written, or else the block.
func (e Edit) RangeOf(attr string) *hcl.Range {
	if r, ok := e.Ranges[attr]; ok {
		return &r
	}
	return &e.Range
}

// FileEdit is a file as a lens wants it. Its owner, mode and other metadata
// stay; a file that is not there yet gets those of New, or root's and 0644, and
// its directory's label.
type FileEdit struct {
	Path   string
	Bytes  []byte
	New    *hosts.Node
	Remove bool // nothing is to stand there
	For    []Addr
}

// maxLinks is how many links Resolve follows before it takes them for a loop:
// as Linux, path_resolution(7).
const maxLinks = 40

// Resolve follows the links in a path of a tree and returns the path of what
// it leads to. fs.ErrNotExist where nothing is.
func Resolve(t Tree, name string) (string, error) {
	links := 0
	done, rest := "/", strings.Split(name, "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == "" {
			continue
		}
		next := path.Join(done, part)
		n, err := t.Stat(next)
		if err != nil {
			return "", fmt.Errorf("cannot resolve %s: %w", name, err)
		}
		if n.Type != hosts.Link {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("cannot resolve %s: %w", name, errLoop)
		}
		if path.IsAbs(n.Link) {
			done = "/"
		}
		rest = append(strings.Split(n.Link, "/"), rest...)
	}
	return done, nil
}

var errLoop = errors.New("too many links")

// ReadTreeFile returns the bytes of the file that a path of a tree leads to,
// and that file's own path. fs.ErrNotExist where nothing is.
func ReadTreeFile(t Tree, name string) (real string, b []byte, err error) {
	if real, err = Resolve(t, name); err != nil {
		return "", nil, err
	}
	n, err := t.Stat(real)
	if err != nil {
		return "", nil, err
	}
	if n.Type != hosts.File {
		return "", nil, &fs.PathError{Op: "read", Path: real, Err: fmt.Errorf("it is a %s", n.Type)}
	}
	b, err = t.ReadFile(real)
	return real, b, err
}
