package lensput

import (
	"hikae/engine"
	"hikae/engine/lens"
)

// Opened is the files that a lens has read so far. The zero value has none.
type Opened struct {
	All    []*File          // each once, in the order in which they were first opened
	ByPath map[string]*File // by the paths they were opened at, and their own
}

// Open is the file that a path leads to, read once however often and by whatever
// links it is asked for.
func (o *Opened) Open(t engine.Tree, p string, g lens.Grammar) (*File, error) {
	if f := o.ByPath[p]; f != nil {
		return f, nil
	}
	f, err := Open(t, p, g)
	if err != nil {
		return nil, err
	}
	if same := o.ByPath[f.Path]; same != nil { // by way of a link
		f = same
	} else {
		o.All = append(o.All, f)
	}
	o.Know(p, f)
	o.Know(f.Path, f)
	return f, nil
}

// Know says which file a path leads to: one that is to be made.
func (o *Opened) Know(p string, f *File) {
	if o.ByPath == nil {
		o.ByPath = map[string]*File{}
	}
	o.ByPath[p] = f
}
