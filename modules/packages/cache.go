package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// cacheDir is where dnf has what it downloaded: a directory for each repository,
// @commandline among them, with the rpm files in packages/. It keeps them where
// dnf.conf has keepcache=1.
const cacheDir = "/var/cache/dnf"

// cache finds rpm files there.
type cache struct {
	root  string
	paths map[string]string // by the name of the file; nil: not looked yet
}

// file is the rpm file of an installed package, by its name; nil where it is not
// there. Its bytes can be fetched then.
func (c *cache) file(ctx context.Context, r hosts.Reader, p *rpmdb.Package, vault engine.Vault) (*hosts.Node, error) {
	if c.paths == nil {
		if err := c.look(r); err != nil {
			return nil, fmt.Errorf("cannot look for rpm files in dnf's cache: %w", err)
		}
	}
	at, ok := c.paths[fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch)]
	if !ok {
		return nil, nil
	}
	content, err := r.Digest(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", at, err)
	}
	if vault != nil {
		vault.Plain(content, func() (io.ReadCloser, error) { return r.Open(at) })
	}
	return FromFile(content), nil
}

func (c *cache) look(r hosts.Reader) error {
	c.paths = map[string]string{}
	repos, err := r.ReadDir(c.root + cacheDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, repo := range repos {
		dir := path.Join(c.root+cacheDir, repo, "packages")
		names, err := r.ReadDir(dir)
		if err != nil {
			continue // no directory, or none of packages
		}
		for _, name := range names {
			c.paths[name] = path.Join(dir, name)
		}
	}
	return nil
}
