// Package units reads systemd's unit files of a tree as the host's own systemd
// does: what the lenses over units share.
package units

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// Dir is where an administrator's own units are.
const Dir = "/etc/systemd/system"

// Grammar is the grammar of unit files. EL 8's systemd reads them otherwise
// than later ones do.
func Grammar(f hosts.Facts) lens.Grammar {
	g := lens.Grammar{
		Name:     "systemd",
		Files:    []string{Dir + "/*.*", Dir + "/*.d/*.conf"},
		Place:    place,
		Parse:    ini.ParseUnit,
		Comments: []string{"#", ";"},
	}
	if old(f) {
		g.Parse = ini.ParseUnit239
	}
	return g
}

// place is where a lone file is a unit or, if it is called like one, a drop-in.
func place(name string) string {
	if strings.HasSuffix(name, ".conf") {
		return path.Join(Dir, "lone.service.d", name)
	}
	if IsUnit(name) {
		return path.Join(Dir, name)
	}
	return path.Join(Dir, name+".service")
}

func old(f hosts.Facts) bool { major, _, _ := strings.Cut(f.VersionID, "."); return major == "8" }

// Value is what a setting's value means to the host's systemd.
func Value(f hosts.Facts, written string) string {
	if old(f) {
		return ini.UnitValue239(written)
	}
	return ini.UnitValue(written)
}

// Suffixes are the types of units.
var Suffixes = []string{".service", ".socket", ".timer", ".path", ".target", ".mount", ".automount", ".swap", ".slice", ".scope", ".device"}

// IsUnit tells whether a name is a unit's, with its type.
func IsUnit(name string) bool {
	for _, s := range Suffixes {
		if len(name) > len(s) && strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// Open reads a unit file. fs.ErrNotExist where none is: a link masks the unit,
// or gives it another name.
func Open(t engine.Tree, p string) (*lensput.File, error) {
	n, err := t.Stat(p)
	if err != nil {
		return nil, err
	}
	if n.Type != hosts.File {
		return nil, &fs.PathError{Op: "read", Path: p, Err: fs.ErrNotExist}
	}
	return lensput.Open(t, p, Grammar(t.Facts()))
}

// DropIns are the paths of the drop-ins of a unit that an administrator made,
// in the order in which systemd reads them: by name, whatever the directory.
// systemd.unit(5) reads those of a template's instance, of the names that a
// name's dashes give, and of the type as a whole.
func DropIns(t engine.Tree, unit string) ([]string, error) {
	byName := map[string]string{}
	for _, dir := range dropInDirs(unit) { // the first that has a name has it
		names, err := lensput.Names(t, path.Join(Dir, dir), ".conf")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		for _, n := range names {
			if byName[n] == "" {
				byName[n] = path.Join(Dir, dir, n)
			}
		}
	}
	return sortedByKey(byName), nil
}

// dropInDirs are the names of the directories that a unit's drop-ins are in, the
// most its own first.
func dropInDirs(unit string) []string {
	dot := strings.LastIndexByte(unit, '.')
	if dot < 0 {
		return nil
	}
	name, suffix := unit[:dot], unit[dot:]
	dirs := []string{unit + ".d"}
	if at := strings.IndexByte(name, '@'); at >= 0 && at+1 < len(name) {
		name = name[:at]
		dirs = append(dirs, name+"@"+suffix+".d")
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '-' && i+1 < len(name) {
			dirs = append(dirs, name[:i+1]+suffix+".d")
		}
	}
	return append(dirs, suffix[1:]+".d")
}
