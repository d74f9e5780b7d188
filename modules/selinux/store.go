package selinux

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"hikae/hosts"
)

// maxFile bounds what is read of one file of the store, in bytes.
const maxFile = 64 << 20

// Where policy stores are (EL 8; before), and what packages bring for them.
const (
	storeDir    = "/var/lib/selinux"
	etcDir      = "/etc/selinux"
	packagedDir = "/usr/share/selinux"
)

// store is a host's policy store.
type store struct {
	r      hosts.Reader
	policy string // SELINUXTYPE
	dir    string // the active policy's directory
}

// openStore finds the store of the host's policy: EL 8's place, EL 7's, and
// that of EL 6, which has no modules that could be told from the distribution's.
// fs.ErrNotExist where there is none.
func openStore(r hosts.Reader) (*store, error) {
	st := &store{r: r, policy: r.Facts().Policy}
	if st.policy == "" {
		return st, fs.ErrNotExist
	}
	for _, dir := range []string{
		path.Join(storeDir, st.policy, "active"),
		path.Join(etcDir, st.policy, "active"),
		path.Join(etcDir, st.policy, "modules/active"),
	} {
		st.dir = dir
		_, err := r.Stat(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return st, err
		}
	}
	return st, fs.ErrNotExist
}

func (st *store) path(name string) string { return path.Join(st.dir, name) }

// lines calls fn for each line of a file of the store that says something,
// parted at white space. A file that is not there has none. fn's errors are
// notes: what one line says cannot be carried, and the others can.
func (st *store) lines(name string, fn func(field []string) error) (notes []string, err error) {
	f, err := st.r.Open(st.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	s := bufio.NewScanner(io.LimitReader(f, maxFile))
	s.Buffer(make([]byte, 0, 4096), 1<<20)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := fn(strings.Fields(line)); err != nil {
			notes = append(notes, fmt.Sprintf("%s:%d cannot be carried: %v", st.path(name), n, err))
		}
	}
	if err := s.Err(); err != nil {
		return notes, fmt.Errorf("cannot read %s: %w", st.path(name), err)
	}
	return notes, nil
}

// secontext is a context, part by part.
type secontext struct{ user, role, typ, level string }

// noContext is what a file context says of files that no one shall label.
const noContext = "<<none>>"

func parseContext(s string) (secontext, error) {
	if s == noContext {
		return secontext{typ: s}, nil
	}
	f := strings.SplitN(s, ":", 4)
	if len(f) < 3 {
		return secontext{}, fmt.Errorf("%q is no context", s)
	}
	c := secontext{user: f[0], role: f[1], typ: f[2]}
	if len(f) == 4 {
		c.level = f[3]
	}
	if c.role != "object_r" {
		return c, fmt.Errorf("the role of %q is not object_r", s)
	}
	return c, errors.Join(checkWord("user", c.user), checkWord("type", c.typ), checkLevel(c.level))
}
