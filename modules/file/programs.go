package file

import (
	"context"
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

// programs gives the programs in dir, or the one that it is, whose metadata is not
// their package's, but for those that were read already.
func (rd *reading) programs(ctx context.Context, dir string, read []string) (found []engine.Resource, err error) {
	err = rd.r.Walk(ctx, dir, func(p string, n hosts.Node) error {
		if n.Type == hosts.Dir {
			if p == dir {
				return nil
			}
			return fs.SkipDir
		}
		o := rd.own.of(p)
		if o == nil || o.pristine == nil || o.pristine.Type != hosts.File {
			return nil
		}
		if n.Type != hosts.File || n.Content.Size != o.pristine.Content.Size {
			return nil // not the package's any more: rpm -V tells
		}
		n.Content = o.pristine.Content
		if n.Equal(o.pristine) {
			return nil
		}
		if _, done := slices.BinarySearch(read, p); done {
			return nil
		}
		if rd.vault != nil {
			rd.vault.Plain(n.Content, func() (io.ReadCloser, error) { return rd.r.Open(p) })
		}
		found = append(found, engine.Resource{
			Addr: engine.Addr{Kind: Kind, Name: p}, Value: cty.NilVal, Node: &n, Package: o.pkg, Pristine: o.pristine.Clone(),
		})
		return nil
	}, nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", dir, err)
	}
	return found, nil
}
