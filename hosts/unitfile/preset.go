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

// Presets are a host's rules for what is enabled when it is installed.
type Presets struct{ rules []presetRule }

type presetRule struct {
	state     string // Enabled, Disabled or "" for ignore
	pattern   string
	instances []string // of a template
}

var presetPath = []string{
	"etc/systemd/system-preset", "run/systemd/system-preset", "usr/local/lib/systemd/system-preset",
	"usr/lib/systemd/system-preset", "lib/systemd/system-preset",
}

// LoadPresets reads the preset files: all directories' together in the order of
// the files' names, a name in a former directory hiding it in a later one.
func LoadPresets(fsys fs.FS) (*Presets, error) {
	files := map[string]string{}
	for _, dir := range presetPath {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, fmt.Errorf("cannot read presets: %w", err)
		}
		for _, e := range entries {
			if _, hidden := files[e.Name()]; !hidden && path.Ext(e.Name()) == ".preset" {
				files[e.Name()] = dir + "/" + e.Name()
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	p := &Presets{}
	var text bytes.Buffer
	for _, name := range names {
		err := readFile(fsys, files[name], &text)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			// A link to /dev/null hides a file; what else is none is passed over too.
			if fi, statErr := fs.Lstat(fsys, files[name]); statErr == nil && !fi.Mode().IsRegular() {
				continue
			}
			return nil, fmt.Errorf("cannot read presets: %w", err)
		}
		p.parse(text.String())
	}
	return p, nil
}

func (p *Presets) parse(text string) {
	for line := range strings.Lines(text) {
		field := strings.Fields(line)
		if len(field) < 2 || strings.ContainsAny(field[0][:1], "#;") {
			continue
		}
		r := presetRule{pattern: field[1], instances: field[2:]}
		switch field[0] {
		case "enable":
			r.state = Enabled
		case "disable":
			r.state = Disabled
		case "ignore":
		default:
			continue
		}
		p.rules = append(p.rules, r)
	}
}

// State gives Enabled or Disabled by the first rule for the unit, "" where a
// rule says to leave it, and Enabled without a rule, as systemd has it.
func (p *Presets) State(name string) string {
	template := Template(name)
	for _, r := range p.rules {
		if matches(r.pattern, name) {
			return r.state
		}
		if template != "" && r.state == Enabled && matches(r.pattern, template) {
			instance := strings.TrimSuffix(name[strings.IndexByte(name, '@')+1:], path.Ext(name))
			if slices.Contains(r.instances, instance) {
				return r.state
			}
		}
	}
	return Enabled
}

// matches does as fnmatch(3): names of units have no slash. A pattern that is
// none matches nothing.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
