package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"
)

// accounts are the names in the host's own /etc/passwd and /etc/group: what
// rpm, useradd and chown on it go by. Names from LDAP or NIS are left decimal,
// as they would be while the network is away.
type accounts struct {
	users, groups names
}

type names struct {
	what string // "user" or "group"
	byID map[uint32]string
	ids  map[string]uint32
}

// UserName implements acl.Names.
func (a *accounts) UserName(id uint32) string { return a.users.name(id) }

// GroupName implements acl.Names.
func (a *accounts) GroupName(id uint32) string { return a.groups.name(id) }

// UserID implements acl.IDs.
func (a *accounts) UserID(name string) (uint32, error) { return a.users.id(name) }

// GroupID implements acl.IDs.
func (a *accounts) GroupID(name string) (uint32, error) { return a.groups.id(name) }

func (n *names) name(id uint32) string {
	if s, ok := n.byID[id]; ok {
		return s
	}
	return strconv.FormatUint(uint64(id), 10)
}

func (n *names) id(name string) (uint32, error) {
	if id, ok := n.ids[name]; ok {
		return id, nil
	}
	id, err := strconv.ParseUint(name, 10, 32)
	if err != nil || uint32(id) == noID {
		return 0, fmt.Errorf("this host has no %s %q", n.what, name)
	}
	return uint32(id), nil
}

// noID is (uid_t)-1, which chown(2) takes for "leave it".
const noID = 1<<32 - 1

// parseNames reads the name and the third field of each line, as passwd(5) and
// group(5) have them. Of two lines for one id the first has the name, as
// getpwuid(3) does; a line that is none of these is passed over.
func parseNames(what string, r io.Reader) (names, error) {
	n := names{what: what, byID: map[uint32]string{}, ids: map[string]uint32{}}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), 16<<20) // a group may list many members
	for s.Scan() {
		field := strings.SplitN(s.Text(), ":", 4)
		if len(field) < 4 || field[0] == "" || strings.ContainsAny(field[0][:1], "+-#") {
			continue
		}
		v, err := strconv.ParseUint(field[2], 10, 32)
		if err != nil || uint32(v) == noID {
			continue
		}
		id := uint32(v)
		if _, ok := n.byID[id]; !ok {
			n.byID[id] = field[0]
		}
		if _, ok := n.ids[field[0]]; !ok {
			n.ids[field[0]] = id
		}
	}
	return n, s.Err()
}

// accountCache keeps the names until one of the files changes.
type accountCache struct {
	mu      sync.Mutex
	now     *accounts
	of      [2]Stamp // of the files
	checked time.Time
}

// lookAge is how long what was made of accounts' and the policy's files is used
// before they are looked at again, unless this host ran or wrote something since
// that may have changed them: it is stated for each of many files.
const lookAge = 20 * time.Millisecond

// wrote has what was made of a path looked at again.
func (h *Host) wrote(p string) {
	switch {
	case p == "/etc/passwd", p == "/etc/group":
		h.accounts.expire()
	case strings.HasPrefix(p, "/etc/selinux/"):
		h.fsPolicy.expire()
	}
}

// ran does the same for all of it: a program may have written anything.
func (h *Host) ran() {
	h.accounts.expire()
	h.fsPolicy.expire()
}

// names gives the host's accounts; fresh says to look whether they changed.
func (h *Host) names(fresh bool) (*accounts, error) {
	c := &h.accounts
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && !fresh && time.Since(c.checked) < lookAge {
		return c.now, nil
	}
	var of [2]Stamp
	for i, p := range []string{"/etc/passwd", "/etc/group"} {
		var err error
		if of[i], err = h.stamp(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read accounts: %w", err)
		}
	}
	if c.now == nil || of != c.of {
		users, err := h.readNames("user", "/etc/passwd")
		if err != nil {
			return nil, err
		}
		groups, err := h.readNames("group", "/etc/group")
		if err != nil {
			return nil, err
		}
		c.now, c.of = &accounts{users, groups}, of
	}
	c.checked = time.Now()
	return c.now, nil
}

func (h *Host) readNames(what, path string) (names, error) {
	f, err := h.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return names{what: what}, nil
	}
	if err != nil {
		return names{}, fmt.Errorf("cannot read accounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	n, err := parseNames(what, f)
	if err != nil {
		return names{}, fmt.Errorf("cannot read accounts: %s: %w", path, err)
	}
	return n, nil
}

// expire has the files looked at again before the next reading.
func (c *accountCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = time.Time{}
}
