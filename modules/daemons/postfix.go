package daemons

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/hosts"
	"hikae/modules/internal/programs"
)

const postfixLibexec = "/usr/libexec/postfix/" // daemon_directory on EL

const aliases = "/etc/aliases"

// postfixMaps compiles the tables of which the source changed or the compiled
// form is missing: *.db is derived, so it never travels.
func postfixMaps(ctx context.Context, h hosts.Host, changed []string) error {
	if _, err := h.Stat("/usr/sbin/postmap"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tables, err := postfixTables(h)
	if err != nil {
		return err
	}
	for _, t := range slices.Sorted(maps.Keys(tables)) {
		if !slices.Contains(changed, t) && compiled(h, t) {
			continue
		}
		n, err := h.Stat(t)
		if errors.Is(err, fs.ErrNotExist) || n.Type == hosts.Dir {
			continue // postfix itself says so, and better; or it is where names of tables begin
		}
		if err := programs.Run(ctx, h, tables[t], t); err != nil {
			return err
		}
	}
	return nil
}

// postfixTables gives the program that compiles each of the texts that main.cf
// and master.cf name as a compiled table. A file that Postfix would refuse names
// none: the check of the configuration says what is wrong with it.
func postfixTables(h hosts.Reader) (map[string]string, error) {
	var files []*lens.File
	for _, g := range []lens.Grammar{postfix.Main(), postfix.Master()} {
		text, err := readAll(h, g.Files[0])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err := g.Parse([]byte(text))
		if err != nil {
			f = nil
		}
		files = append(files, f)
	}
	tables := map[string]string{}
	for _, r := range postfix.Refs(files[0], files[1]) {
		switch {
		case !r.Compiled():
		case r.Alias() || r.Path == aliases:
			tables[r.Path] = "/usr/sbin/postalias"
		case tables[r.Path] == "":
			tables[r.Path] = "/usr/sbin/postmap"
		}
	}
	return tables, nil
}

// compiled reports whether a table's compiled form is there.
func compiled(h hosts.Reader, table string) bool {
	for _, ext := range []string{".db", ".cdb", ".lmdb", ".dir"} {
		if _, err := h.Stat(table + ext); err == nil {
			return true
		}
	}
	return false
}

func readAll(h hosts.Reader, p string) (string, error) {
	b, err := hosts.ReadFile(h, p, 1<<20)
	return string(b), err
}
