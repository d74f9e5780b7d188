package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"hikae/hosts"
)

// maxFile bounds how much of an account file is read, in bytes: some hundred
// thousand accounts.
const maxFile = 32 << 20

// files are the tables as they were read, and login.defs.
type files struct {
	passwd, shadow, group, gshadow *table
	subuid, subgid                 *table
	defs                           defs
}

// sources are the files that load reads.
func sources() []hosts.WatchRoot {
	return hosts.WatchFiles(passwdPath, shadowPath, groupPath, gshadowPath, subuidPath, subgidPath, defsPath)
}

// load reads all that is there. A file that does not exist is an empty table.
func load(r hosts.Reader) (*files, error) {
	f := &files{}
	for _, t := range []struct {
		into    **table
		path    string
		fields  int
		numbers []int
	}{
		{&f.passwd, passwdPath, pwFields, []int{pwUID, pwGID}},
		{&f.shadow, shadowPath, spFields, nil},
		{&f.group, groupPath, grFields, []int{grGID}},
		{&f.gshadow, gshadowPath, sgFields, nil},
		{&f.subuid, subuidPath, sbFields, []int{sbStart, sbCount}},
		{&f.subgid, subgidPath, sbFields, []int{sbStart, sbCount}},
	} {
		data, exists, err := readAll(r, t.path)
		if err != nil {
			return nil, err
		}
		*t.into = parseTable(t.path, data, t.fields, t.numbers...)
		(*t.into).exists = exists
	}
	data, _, err := readAll(r, defsPath)
	if err != nil {
		return nil, err
	}
	f.defs = parseDefs(data)
	return f, nil
}

func readAll(r hosts.Reader, path string) (data []byte, exists bool, err error) {
	data, err = hosts.ReadFile(r, path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// lock takes the locks of the account files where the host has any.
func lock(ctx context.Context, h hosts.Host) (unlock func(), err error) {
	if l, ok := h.(hosts.AccountLocker); ok {
		return l.LockAccounts(ctx)
	}
	return func() {}, nil
}

// store writes the tables that were changed, in the order given, each with the
// metadata that it has, and its old bytes beside it as shadow-utils leaves them.
func store(ctx context.Context, h hosts.Host, tables ...*table) error {
	var paths []string
	for _, t := range tables {
		if t.changed {
			paths = append(paths, t.path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	labels, err := h.Labels(ctx, paths)
	if err != nil {
		return fmt.Errorf("cannot read SELinux labels: %w", err)
	}
	for _, t := range tables {
		if !t.changed {
			continue
		}
		if err := storeOne(ctx, h, t, labels[t.path]); err != nil {
			return err
		}
	}
	return nil
}

func storeOne(ctx context.Context, h hosts.Host, t *table, label string) error {
	n := hosts.Node{Type: hosts.File, Owner: "root", Group: "root"} // of a shadow file that was not there: for nobody
	if t.path == subuidPath || t.path == subgidPath {
		n.Mode = 0o644 // newuidmap(1) reads them for people
	}
	if t.exists {
		var err error
		if n, err = h.Stat(t.path); err != nil {
			return fmt.Errorf("cannot write %s: %w", t.path, err)
		}
		n.Label = label
		old, _, err := readAll(h, t.path)
		if err != nil {
			return err
		}
		if err := put(ctx, h, t.path+"-", n, old); err != nil {
			return err
		}
	}
	if err := put(ctx, h, t.path, n, t.bytes()); err != nil {
		return err
	}
	t.changed, t.exists = false, true
	return nil
}

func put(ctx context.Context, h hosts.Host, path string, n hosts.Node, data []byte) error {
	n.Content = hosts.Content{Size: int64(len(data))}
	if err := h.Put(ctx, path, n, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// groupNames maps gids, as they are written, to the first name of each.
func (f *files) groupNames() map[string]string {
	names := map[string]string{}
	f.group.entries(func(g []string) {
		if names[g[grGID]] == "" {
			names[g[grGID]] = g[grName]
		}
	})
	return names
}

// owners maps the ids of one column to the names that have them, the first
// name each.
func owners(t *table, column int) map[uint32]string {
	m := map[uint32]string{}
	t.entries(func(f []string) {
		if id, err := parseID(f[column]); err == nil && m[id] == "" {
			m[id] = f[0]
		}
	})
	return m
}
