package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// programs are where a package's file is looked at although it lies below no
// root: an administrator gives a program a capability, takes its setuid bit or
// hands it to a group, and a reinstalled package forgets that. Only metadata
// is compared; the bytes are taken for the package's.
var programs = []string{"/usr/bin", "/usr/sbin"}

// programs emits the programs of dir whose metadata is not their package's, but
// for those that were read already.
func (rd *reading) programs(dir string, read []string, emit func(engine.Resource) error) error {
	names, err := rd.r.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", dir, err)
	}
	for _, name := range names {
		p := dir + "/" + name
		o := rd.own.of(p)
		if _, done := slices.BinarySearch(read, p); done {
			continue
		}
		if o == nil || o.pristine == nil || o.pristine.Type != hosts.File {
			continue
		}
		n, err := rd.r.Stat(p)
		if err != nil || n.Type != hosts.File || n.Content.Size != o.pristine.Content.Size {
			continue // gone, or not the package's any more: rpm -V tells
		}
		n.Content = o.pristine.Content
		if n.Equal(o.pristine) {
			continue
		}
		if rd.vault != nil {
			rd.vault.Plain(n.Content, func() (io.ReadCloser, error) { return rd.r.Open(p) })
		}
		if err := emit(engine.Resource{
			Addr: engine.Addr{Kind: Kind, Name: p}, Value: cty.NilVal, Node: &n, Package: o.pkg, Pristine: o.pristine.Clone(),
		}); err != nil {
			return err
		}
	}
	return nil
}
