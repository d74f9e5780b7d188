package file

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// owner is what the rpmdb says of a path.
type owner struct {
	pkg       string
	config    bool
	missingOK bool
	pristine  *hosts.Node // nil for what a package owns and does not bring (%ghost)
}

// owners are the owned paths below some roots.
type owners map[string]*owner

func (o owners) of(path string) *owner { return o[path] }

// readOwners reads which paths below the roots belong to a package. A host
// without an rpmdb owns nothing.
func readOwners(ctx context.Context, r hosts.Reader, roots []string) (owners, error) {
	pkgs, err := r.Packages(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return owners{}, nil
	}
	if err != nil {
		return nil, err
	}
	own := owners{}
	parents := make(map[string]bool, len(roots))
	for _, root := range roots {
		dir, _ := path.Split(root)
		parents[dir] = true
	}
	inReach := func(dir string) bool {
		return parents[dir] || hosts.Within(strings.TrimSuffix(dir, "/"), roots)
	}
	for _, p := range pkgs {
		files, err := p.FilesIn(inReach)
		if err != nil {
			return nil, err
		}
		for i := range files {
			if hosts.Within(files[i].Path, roots) {
				own.add(p.Name, &files[i])
			}
		}
	}
	return own, nil
}

func (o owners) add(pkg string, f *rpmdb.File) {
	if !f.State.Installed() && f.State != rpmdb.StateMissing {
		return // skipped, replaced by another package's or shared: not this one's bytes
	}
	n := &owner{
		pkg:       pkg,
		config:    f.Flags.Has(rpmdb.FileConfig) && !f.Flags.Has(rpmdb.FileGhost),
		missingOK: f.Flags.Has(rpmdb.FileMissingOK),
		pristine:  pristine(f),
	}
	// Directories may be shared between packages; what they say is the same.
	if old := o[f.Path]; old != nil && old.pristine != nil {
		return
	}
	o[f.Path] = n
}

// pristine is the node a package installs at a path.
func pristine(f *rpmdb.File) *hosts.Node {
	if f.Flags.Has(rpmdb.FileGhost) {
		return nil
	}
	n := &hosts.Node{Mode: f.Mode & 0o7777, Owner: f.User, Group: f.Group, Caps: f.Caps}
	switch f.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if f.Algo != rpmdb.SHA256 || len(f.Digest) != len(hosts.ID{}) {
			return nil // cannot be compared
		}
		n.Type = hosts.File
		n.Content = hosts.Content{Size: f.Size, ID: hosts.ID(f.Digest)}
	case unix.S_IFDIR:
		n.Type = hosts.Dir
	case unix.S_IFLNK:
		n.Type, n.Mode, n.Link = hosts.Link, 0, f.LinkTo
	default:
		return nil
	}
	return n
}
