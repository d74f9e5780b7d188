package packages

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// ErrUnavailable is wrapped by the error of an Apply or an Unpack where no
// enabled repository of the host has a package, or the very one, any more.
var ErrUnavailable = errors.New("no enabled repository has it")

var _ engine.Unpacker = (*Module)(nil)

// cacheDirs are where dnf keeps downloaded packages, below a directory for each
// repository: dnf.conf(5), cachedir and keepcache.
var cacheDirs = []string{"/var/cache/dnf", "/var/cache/yum"}

// Unpack implements engine.Unpacker: from what rpm has laid beside an edited
// file, from the package's file in dnf's cache, or else by downloading the very package from the host's repositories, all that
// are wanted in one go. The signature of what is downloaded is checked as for
// an installation; whatever comes must have the digest that the rpm database
// has.
func (m *Module) Unpack(ctx context.Context, r hosts.Reader, h hosts.Host, want []engine.Shipped, each func(engine.Shipped, []byte) error) error {
	u := &unpacking{want: want, each: each}
	err := u.beside(r)
	pkgs, perr := u.packages(ctx, r)
	if err = errors.Join(err, perr); err == nil {
		err = u.cached(r, pkgs)
	}
	if err == nil && len(u.want) > 0 && h != nil {
		err = u.download(ctx, m, h, u.owners(pkgs))
	}
	if err == nil && len(u.want) > 0 {
		err = fmt.Errorf("%s lies in none of this host's package files", u.want[0].Path)
	}
	if err != nil {
		return fmt.Errorf("cannot get files as they were packaged: %w", err)
	}
	return nil
}

// unpacking is one Unpack under way. want is what is still to be found.
type unpacking struct {
	want []engine.Shipped
	each func(engine.Shipped, []byte) error
}

// packages finds the installed packages that own what is wanted.
func (u *unpacking) packages(ctx context.Context, r hosts.Reader) ([]*rpmdb.Package, error) {
	all, err := r.Packages(ctx)
	if err != nil {
		return nil, err
	}
	return u.owners(all), nil
}

// owners picks the packages of which something is still wanted.
func (u *unpacking) owners(pkgs []*rpmdb.Package) []*rpmdb.Package {
	var out []*rpmdb.Package
	for _, p := range pkgs {
		if slices.ContainsFunc(u.want, func(s engine.Shipped) bool { return s.Package == p.Name }) {
			out = append(out, p)
		}
	}
	return out
}

// beside looks at PATH.rpmnew: where an upgrade finds a %config(noreplace) file
// edited, rpm writes the package's own there.
func (u *unpacking) beside(r hosts.Reader) error {
	for _, s := range slices.Clone(u.want) {
		f, err := r.Open(s.Path + ".rpmnew")
		if err != nil {
			continue // most often it is not there
		}
		b, err := io.ReadAll(io.LimitReader(f, engine.MaxShipped+1))
		_ = f.Close()
		if err != nil {
			continue
		}
		if err := u.found(s.Path, b); err != nil {
			return err
		}
	}
	return nil
}

// found passes on a file, if it is what is wanted at a path.
func (u *unpacking) found(path string, b []byte) error {
	id := hosts.ID(sha256.Sum256(b))
	i := slices.IndexFunc(u.want, func(s engine.Shipped) bool { return s.Path == path && s.Content.ID == id })
	if i < 0 {
		return nil // of another version than the installed one
	}
	if err := u.each(u.want[i], b); err != nil {
		return &eachError{err}
	}
	u.want = slices.Delete(slices.Clone(u.want), i, i+1)
	return nil
}

// cached looks into the packages' files that dnf has kept.
func (u *unpacking) cached(r hosts.Reader, pkgs []*rpmdb.Package) error {
	for _, root := range cacheDirs {
		repos, err := r.ReadDir(root)
		if err != nil {
			continue // no cache
		}
		for _, repo := range repos {
			for _, p := range pkgs {
				file := path.Join(root, repo, "packages", fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch))
				var told *eachError
				if err := u.look(r, file); errors.As(err, &told) {
					return err
				} // else it is not there or damaged: it may come from elsewhere
			}
		}
	}
	return nil
}

// download has dnf fetch packages, without installing them, and looks into
// them. Those that no repository has keep nothing from the others.
func (u *unpacking) download(ctx context.Context, m *Module, h hosts.Host, pkgs []*rpmdb.Package) error {
	if len(pkgs) == 0 {
		return nil
	}
	d := &driver{Module: m, host: h, progress: func(string) {}}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	req := emptyRequest()
	req.Download = d.state()
	for _, p := range pkgs {
		evr := p.EVR()
		req.Install = append(req.Install, requestItem{Name: p.Name, Arch: p.Arch, Epoch: evr.Epoch, Version: evr.Version, Release: evr.Release, Exact: true})
	}
	errs := []error{d.transact(ctx, req)}
	for _, e := range d.events {
		if e.Event == eventDownloaded {
			errs = append(errs, u.look(h, e.Path), h.Remove(ctx, e.Path))
		}
	}
	return errors.Join(errs...)
}

// eachError is what the caller's each has returned.
type eachError struct{ error }

func (e *eachError) Unwrap() error { return e.error }

// look passes on what is wanted of a package's file.
func (u *unpacking) look(r hosts.Reader, file string) error {
	f, err := r.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return unpack(f, func(path string, size int64, content io.Reader) error {
		if size > engine.MaxShipped || !slices.ContainsFunc(u.want, func(s engine.Shipped) bool { return s.Path == path }) {
			return nil
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		return u.found(path, b)
	})
}
