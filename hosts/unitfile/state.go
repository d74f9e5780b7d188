package unitfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// state tells how a unit that is not masked is enabled: by the links to it,
// linked by name, and by what its own file would have enabled.
func (s *Set) state(u *unit, linked map[string]string) (string, error) {
	if u.target != "" {
		return Alias, nil
	}
	if state := linked[u.Name]; state != "" {
		return state, nil
	}
	in, err := s.install(u)
	if err != nil {
		return "", err
	}
	if state := s.stateByAlias(u, &in); state != "" {
		return state, nil
	}
	if state := stateByInstance(u, &in, linked); state != "" {
		return state, nil
	}
	switch {
	case in.wanted || len(in.aliases) > 0:
		return Disabled, nil
	case in.also:
		return Indirect, nil
	}
	return Static, nil
}

// stateByAlias is the state that links of another name to u make, outside of
// what packages ship: one that u's own file asks for enables it.
func (s *Set) stateByAlias(u *unit, in *install) string {
	state := ""
	for _, a := range s.aliases {
		etc := strings.HasPrefix(a.Path, "/etc/")
		if a.target != u.Name || !etc && !a.runtime {
			continue
		}
		switch {
		case !slices.Contains(in.aliases, a.Name):
			if state == "" {
				state = Indirect
			}
		case etc:
			return Enabled
		default:
			state = EnabledRuntime
		}
	}
	return state
}

// stateByInstance is the state of a template of which instances are enabled:
// the default instance stands for the template.
func stateByInstance(u *unit, in *install, linked map[string]string) string {
	ext := path.Ext(u.Name)
	stem := strings.TrimSuffix(u.Name, ext)
	if !strings.HasSuffix(stem, "@") {
		return ""
	}
	if state := linked[stem+in.defaultInstance+ext]; state != "" && in.defaultInstance != "" {
		return state
	}
	for name := range linked {
		if Template(name) == u.Name {
			return Indirect
		}
	}
	return ""
}

// install is what a unit file's [Install] section asks for.
type install struct {
	wanted  bool // WantedBy, RequiredBy, UpheldBy
	also    bool
	aliases []string

	defaultInstance string // of a template
}

// Judge is an fs.FS that need not open a file to tell that the answer to a question
// is no, where it was answered before. is tells of the file as a directory has it.
type Judge interface {
	Judge(name string, is fs.FileInfo, question string, ask func(io.Reader) (bool, error)) (bool, error)
}

func (s *Set) install(u *unit) (install, error) {
	var in install
	own := strings.TrimPrefix(u.Path, "/")
	for _, p := range append([]string{own}, s.dropins[u.Name]...) {
		err := s.readInstall(p, u)
		if errors.Is(err, fs.ErrNotExist) && p != own {
			continue
		}
		if err != nil {
			if u.State == Linked { // where it points may not be there
				continue
			}
			return in, err
		}
		in.parse(s.text.Bytes())
	}
	return in, nil
}

const installSection = "[Install]"

// readInstall reads a file of a unit into s.text. Of one that is known to have no such
// section, as most have none, nothing is read. A host remembers one answer for a
// file, and in /etc another question is asked of each.
func (s *Set) readInstall(p string, u *unit) error {
	s.text.Reset()
	j, ok := s.fsys.(Judge)
	if !ok || u.is == nil || "/"+p != u.Path || !strings.HasPrefix(p, "usr/") {
		return readFile(s.fsys, p, &s.text)
	}
	_, err := j.Judge(p, u.is, installSection, func(r io.Reader) (bool, error) {
		_, err := s.text.ReadFrom(io.LimitReader(r, maxFile))
		return bytes.Contains(s.text.Bytes(), []byte(installSection)), err
	})
	return err
}

func (in *install) parse(text []byte) {
	if !bytes.Contains(text, []byte(installSection)) {
		return // so have most
	}
	section := ""
	for raw := range bytes.Lines(text) {
		line := string(bytes.TrimSpace(raw))
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		if !ok || section != installSection || value == "" {
			continue
		}
		switch strings.TrimSpace(key) {
		case "WantedBy", "RequiredBy", "UpheldBy":
			in.wanted = true
		case "Also":
			in.also = true
		case "DefaultInstance":
			in.defaultInstance = value
		case "Alias":
			in.aliases = append(in.aliases, strings.Fields(value)...)
		}
	}
}

// readFile reads a file into buf.
func readFile(fsys fs.FS, name string, buf *bytes.Buffer) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	buf.Reset()
	_, err = buf.ReadFrom(io.LimitReader(f, maxFile))
	return err
}
