package daemons

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"hikae/hosts"
	"hikae/modules/internal/programs"
)

const postfixLibexec = "/usr/libexec/postfix/" // daemon_directory on EL

// mapRef finds the lookup tables that postfix reads in compiled form: hash:,
// btree: and kin before a path (postconf(5), DATABASE_README). They may be
// named in main.cf with $config_directory.
var mapRef = regexp.MustCompile(`\b(?:hash|btree|dbm|cdb|lmdb):((?:/|\$\{?config_directory\}?/)[^\s,}]+)`)

const (
	postfixDir = "/etc/postfix"
	aliases    = "/etc/aliases"
)

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
	for _, t := range tables {
		if !slices.Contains(changed, t) && compiled(h, t) {
			continue
		}
		if _, err := h.Stat(t); errors.Is(err, fs.ErrNotExist) {
			continue // postfix itself says so, and better
		}
		argv := []string{"/usr/sbin/postmap", t}
		if t == aliases {
			argv = []string{"/usr/sbin/postalias", t}
		}
		if err := programs.Run(ctx, h, argv...); err != nil {
			return err
		}
	}
	return nil
}

// postfixTables lists the sources of compiled tables, sorted.
func postfixTables(h hosts.Reader) ([]string, error) {
	var tables []string
	for _, name := range []string{"main.cf", "master.cf"} {
		text, err := readAll(h, path.Join(postfixDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, m := range mapRef.FindAllStringSubmatch(line, -1) {
				t := strings.NewReplacer("${config_directory}", postfixDir, "$config_directory", postfixDir).Replace(m[1])
				tables = append(tables, path.Clean(t))
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables), nil
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
