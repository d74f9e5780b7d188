package daemons

import (
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

const namedConf = "/etc/named.conf"

func named(unit string) engine.Unit {
	return engine.Unit{
		Name:   unit,
		Reads:  []string{namedConf, "/etc/named.*", "/etc/named/**", "/var/named/**"},
		Check:  namedCheck,
		Reload: true,
		// Without its chroot, where the old files are bound.
		Rehearse: &engine.Rehearse{Argv: []string{"/usr/sbin/named", "-g", "-u", "named", "-c", namedConf}, State: []string{"/var/named"}},
	}
}

// namedChroot is named under named-chroot-setup.service, which binds the files
// of /etc one by one into the chroot: a replaced file is served from its old
// inode until they are bound again.
func namedChroot() engine.Unit {
	u := named("named-chroot.service")
	u.Before = []string{"named-chroot-setup.service"}
	return u
}

// namedCheck checks the configuration, and of the zones those whose files
// changed: named-checkconf -z would load every one.
func namedCheck(r hosts.Reader, changed []string) [][]string {
	argvs := [][]string{{"/usr/sbin/named-checkconf", namedConf}}
	z := zoneReader{r: r, dir: "/var/named"}
	z.file(namedConf)
	for _, p := range changed {
		i := slices.IndexFunc(z.zones, func(z zone) bool { return z.file == p && z.loaded() })
		if i < 0 {
			continue
		}
		// Without "local" it would ask the name servers of the world.
		argvs = append(argvs, []string{"/usr/sbin/named-checkzone", "-q", "-i", "local", "--", z.zones[i].name, p})
	}
	return argvs
}

// zone is a zone as named.conf has it.
type zone struct{ name, typ, file string }

// loaded reports whether named cannot do without the file: of other types it
// makes it itself.
func (z *zone) loaded() bool {
	return z.file != "" && (z.typ == "master" || z.typ == "primary")
}

// zoneReader finds the zones in named.conf and what it includes. It knows of
// the grammar only quotes, comments, braces and semicolons: what is wrong with
// the rest named-checkconf says.
type zoneReader struct {
	r     hosts.Reader
	dir   string // option directory
	zones []zone
	depth int // of includes
}

const maxIncludes = 16

func (z *zoneReader) file(name string) {
	if z.depth == maxIncludes {
		return
	}
	text, err := readAll(z.r, name)
	if err != nil {
		return
	}
	z.depth++
	defer func() { z.depth-- }()
	var stmt []string     // words since the last ; { or }
	var blocks [][]string // the statements that the open braces belong to
	for w := range words(text) {
		switch w {
		case "{":
			blocks = append(blocks, stmt)
			if len(stmt) > 1 && stmt[0] == "zone" {
				z.zones = append(z.zones, zone{name: stmt[1]})
			}
			stmt = nil
		case "}":
			blocks = blocks[:max(0, len(blocks)-1)]
			stmt = nil
		case ";":
			z.statement(stmt, blocks)
			stmt = nil
		default:
			stmt = append(stmt, w)
		}
	}
}

func (z *zoneReader) statement(stmt []string, blocks [][]string) {
	if len(stmt) != 2 {
		return
	}
	var in []string
	if len(blocks) > 0 {
		in = blocks[len(blocks)-1]
	}
	switch stmt[0] {
	case "include":
		z.file(z.abs(stmt[1]))
	case "directory":
		if len(in) > 0 && in[0] == "options" {
			z.dir = stmt[1]
		}
	case "file", "type":
		if len(in) < 2 || in[0] != "zone" {
			return
		}
		last := &z.zones[len(z.zones)-1]
		if stmt[0] == "type" {
			last.typ = stmt[1]
		} else {
			last.file = z.abs(stmt[1])
		}
	}
}

func (z *zoneReader) abs(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(z.dir, p)
}

// words divides the text of a named.conf: bare words and quoted ones, and the
// braces and semicolons between.
func words(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			switch {
			case strings.HasPrefix(text, "/*"):
				_, text, _ = strings.Cut(text[2:], "*/")
			case strings.HasPrefix(text, "//"), text[0] == '#':
				_, text, _ = strings.Cut(text, "\n")
			case strings.IndexByte("{};", text[0]) >= 0:
				if !yield(text[:1]) {
					return
				}
				text = text[1:]
			case text[0] == '"':
				var w string
				w, text, _ = strings.Cut(text[1:], `"`)
				if !yield(w) {
					return
				}
			case strings.IndexByte(" \t\r\n", text[0]) >= 0:
				text = text[1:]
			default:
				end := strings.IndexAny(text, "{};\" \t\r\n")
				if end < 0 {
					end = len(text)
				}
				if !yield(text[:end]) {
					return
				}
				text = text[end:]
			}
		}
	}
}
