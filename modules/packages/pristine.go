package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// ErrUnavailable is wrapped by the error of an Apply or a Pristine where no
// enabled repository of the host has a package, or the very one, any more.
var ErrUnavailable = errors.New("no enabled repository has it")

// Pristine fetches the very package p from the host's repositories and calls
// fn with the bytes of those of the paths that it has, as it installs them: in
// the package's order, each once. The package's signature is checked as for an
// installation. The bytes are not compared with the rpm database's digests;
// fn's caller has those.
//
// It is dear, a download, so it is the last resort: a file that is as its
// package made it has its pristine bytes on the disk.
func (m *Module) Pristine(ctx context.Context, h hosts.Host, p *rpmdb.Package, paths []string, progress func(string), fn func(path string, size int64, content io.Reader) error) error {
	if err := m.pristine(ctx, h, p, paths, progress, fn); err != nil {
		return fmt.Errorf("cannot get the files of %s as packaged: %w", p.NEVRA(), err)
	}
	return nil
}

func (m *Module) pristine(ctx context.Context, h hosts.Host, p *rpmdb.Package, paths []string, progress func(string), fn func(string, int64, io.Reader) error) error {
	d := &driver{Module: m, host: h, progress: progress}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	evr := p.EVR()
	err := d.transact(ctx, request{
		Download: d.state(),
		Install:  []requestItem{{Name: p.Name, Arch: p.Arch, Epoch: evr.Epoch, Version: evr.Version, Release: evr.Release, Exact: true}},
		Remove:   []requestItem{},
		Mark:     []requestItem{},
	})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(d.events, func(e event) bool { return e.Event == eventDownloaded })
	if i < 0 {
		return errors.New("dnf does not say where it is")
	}
	file := d.events[i].Path
	r, err := h.Open(file)
	if err != nil {
		return err
	}
	err = unpack(r, func(path string, size int64, content io.Reader) error {
		if !slices.Contains(paths, path) {
			return nil
		}
		return fn(path, size, content)
	})
	_ = r.Close()
	return errors.Join(err, h.Remove(ctx, file))
}
