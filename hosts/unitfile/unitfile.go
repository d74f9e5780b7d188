// Package unitfile tells from the disk alone what systemctl list-unit-files
// tells: which unit files a host has, and whether they are enabled; and, which
// systemctl does not, which instances of templates are. It works on a root that is not booted, gives the same on
// every version of systemd, and takes milliseconds where systemd takes hundreds.
//
// Sources: systemd.unit(5), src/shared/install.c.
package unitfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The states that systemctl is-enabled has, as far as they are read from disk.
const (
	Enabled        = "enabled"
	EnabledRuntime = "enabled-runtime" // until the next boot
	Disabled       = "disabled"
	Static         = "static"   // has nothing to enable
	Indirect       = "indirect" // enables others only
	Masked         = "masked"
	MaskedRuntime  = "masked-runtime"
	Alias          = "alias"  // another name of a unit
	Linked         = "linked" // lies outside the search path
)

// File is a unit file, or an instance of one that is enabled.
type File struct {
	Name  string // httpd.service, getty@tty1.service
	Path  string // absolute; of an instance: its template's
	State string
}

// searchPath is where units are looked for, first found first taken. Generators'
// directories and that of transient units are not on it: what is made at each
// boot, units and links alike, is nobody's state.
var searchPath = []string{
	"etc/systemd/system.control", "run/systemd/system.control", "etc/systemd/system", "etc/systemd/system.attached",
	"run/systemd/system", "run/systemd/system.attached", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system",
}

// Dirs lists the directories, absolute, that unit files are read from, with those
// in them.
func Dirs() []string {
	dirs := slices.Clone(searchPath)
	for i, d := range dirs {
		dirs[i] = "/" + d
	}
	return dirs
}

// passingPath is where generators and programs put units for the time being.
var passingPath = []string{"run/systemd/generator.early", "run/systemd/generator", "run/systemd/generator.late", "run/systemd/transient"}

var suffixes = []string{".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice", ".device", ".scope"}

// maxFile bounds a unit file, in bytes.
const maxFile = 1 << 20

// unit is what one name was found to be.
type unit struct {
	File
	target  string      // of a link: the name it is another name of; "" where it is no alias
	runtime bool        // found below /run
	is      fs.FileInfo // of a regular file
}

// link is an entry of a .wants, .requires or .upholds directory.
type link struct {
	name    string // of the unit that is wanted
	runtime bool
}

func (l link) state() string {
	if l.runtime {
		return EnabledRuntime
	}
	return Enabled
}

// Set is the unit files of a host.
type Set struct {
	fsys    fs.FS
	units   map[string]*unit
	dropins map[string][]string // paths of x.service.d/*.conf by x.service
	links   []link
	aliases []*unit      // links to another name, wherever found
	text    bytes.Buffer // of the unit file at hand
}

// Scan reads the directories that units are looked for in. fsys is the host's
// root and should implement fs.ReadLinkFS, and may implement Judge.
func Scan(fsys fs.FS) (*Set, error) {
	s := &Set{fsys: fsys, units: map[string]*unit{}, dropins: map[string][]string{}}
	seen := map[string]bool{}
	for _, dir := range searchPath {
		if dir == "lib/systemd/system" && sameDir(fsys, "lib") {
			continue // is /usr/lib
		}
		if err := s.scanDir(dir, seen); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read unit files: %w", err)
		}
	}
	return s, nil
}

func sameDir(fsys fs.FS, name string) bool {
	fi, err := fs.Lstat(fsys, name)
	return err == nil && fi.Mode().Type() == fs.ModeSymlink
}

func (s *Set) scanDir(dir string, seen map[string]bool) error {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, p := e.Name(), dir+"/"+e.Name()
		switch ext := path.Ext(name); {
		case e.IsDir() && (ext == ".wants" || ext == ".requires" || ext == ".upholds"):
			err = s.scanLinks(p)
		case e.IsDir() && ext == ".d":
			err = s.scanDropins(strings.TrimSuffix(name, ".d"), p)
		case IsUnit(name):
			err = s.scanUnit(p, e, seen)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// IsUnit reports whether a file of that name would be a unit.
func IsUnit(name string) bool {
	ext := path.Ext(name)
	return len(name) > len(ext) && slices.Contains(suffixes, ext)
}

func (s *Set) scanLinks(dir string) error {
	// What a package ships in /usr as a .wants link is not enabling.
	if !strings.HasPrefix(dir, "etc/") && !strings.HasPrefix(dir, "run/") {
		return nil
	}
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type() == fs.ModeSymlink && IsUnit(e.Name()) {
			s.links = append(s.links, link{name: e.Name(), runtime: strings.HasPrefix(dir, "run/")})
		}
	}
	return nil
}

func (s *Set) scanDropins(of, dir string) error {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".conf" {
			s.dropins[of] = append(s.dropins[of], dir+"/"+e.Name())
		}
	}
	return nil
}

func (s *Set) scanUnit(p string, e fs.DirEntry, seen map[string]bool) error {
	u := &unit{File: File{Name: e.Name(), Path: "/" + p}, runtime: strings.HasPrefix(p, "run/")}
	masked := Masked
	if u.runtime {
		masked = MaskedRuntime
	}
	switch e.Type() {
	case 0:
		fi, err := e.Info()
		if err != nil {
			return err
		}
		if u.is = fi; fi.Size() == 0 {
			u.State = masked
		}
	case fs.ModeSymlink:
		target, err := fs.ReadLink(s.fsys, p)
		if err != nil {
			return err
		}
		full := target
		if !path.IsAbs(full) {
			full = path.Join("/", path.Dir(p), target)
		}
		switch {
		case path.Clean(full) == "/dev/null":
			u.State = masked
		case path.Base(full) != u.Name:
			u.target = path.Base(full)
			s.aliases = append(s.aliases, u)
		case !inSearchPath(full):
			u.State = Linked
		}
	default:
		return nil
	}
	if !seen[u.Name] {
		seen[u.Name] = true
		s.units[u.Name] = u
	}
	return nil
}

func inSearchPath(p string) bool {
	return slices.Contains(searchPath, strings.Trim(path.Dir(path.Clean(p)), "/"))
}

// Passing gives the names of units that generators or programs have made for
// the time being, and that have no other file.
func (s *Set) Passing() (map[string]bool, error) {
	names := map[string]bool{}
	for _, dir := range passingPath {
		entries, err := fs.ReadDir(s.fsys, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read unit files: %w", err)
		}
		for _, e := range entries {
			if s.units[e.Name()] == nil {
				names[e.Name()] = true
			}
		}
	}
	return names, nil
}

// Files gives all unit files with their states, and the instances of templates
// that are enabled, sorted by name. A name is there once.
func (s *Set) Files() ([]File, error) {
	by := map[string]string{} // name: Enabled or EnabledRuntime, of those that a link is for
	for _, l := range s.links {
		if by[l.name] != Enabled {
			by[l.name] = l.state()
		}
	}
	files := s.Instances()
	for _, u := range s.units {
		f := u.File
		if f.State == "" || f.State == Linked {
			state, err := s.state(u, by)
			if err != nil {
				return nil, fmt.Errorf("cannot read unit file %s: %w", u.Path, err)
			}
			if f.State == "" || state == Enabled || state == EnabledRuntime {
				f.State = state
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

// Instances gives the instances of templates that are enabled by a link and
// have no unit file of their own, sorted by name.
func (s *Set) Instances() []File {
	found := map[string]File{}
	for _, l := range s.links {
		t, ok := s.units[Template(l.name)]
		if _, own := s.units[l.name]; !ok || own || t.State == Masked || t.State == MaskedRuntime {
			continue
		}
		f := File{Name: l.name, Path: t.Path, State: l.state()}
		if old, ok := found[l.name]; !ok || old.State != Enabled {
			found[l.name] = f
		}
	}
	files := make([]File, 0, len(found))
	for _, f := range found {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// Template gives the template that name is an instance of, "" for none.
func Template(name string) string {
	at := strings.IndexByte(name, '@')
	ext := path.Ext(name)
	if at < 0 || at+1 >= len(name)-len(ext) {
		return ""
	}
	return name[:at+1] + ext
}
