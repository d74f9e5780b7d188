package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/acl"
	"hikae/hosts/filecap"
)

// meta is a Node's metadata as this host numbers and encodes it.
type meta struct {
	uid, gid int
	mode     uint32
	xattrs   map[string][]byte // all that the path shall have of those a Node holds
	label    string
}

// meta turns a Node's names and texts into this host's numbers and bytes. Only
// then is anything written: a name that the host does not know costs nothing.
func (h *Host) meta(ctx context.Context, finalPath string, n *hosts.Node) (*meta, error) {
	m, ids, err := h.owners(n, false)
	if err != nil { // they may have come since it was looked
		m, ids, err = h.owners(n, true)
	}
	if err != nil {
		return nil, err
	}
	if n.Mode&^0o7777 != 0 {
		return nil, fmt.Errorf("mode %#o has more than permission bits", n.Mode)
	}
	for attr, text := range map[string]string{xattrACL: n.ACL, xattrDefaultACL: n.DefaultACL} {
		if text == "" {
			continue
		}
		l, err := acl.Parse(text, ids)
		if err != nil {
			return nil, err
		}
		m.xattrs[attr] = l.Encode()
	}
	if n.Caps != "" {
		c, err := filecap.Parse(n.Caps)
		if err != nil {
			return nil, err
		}
		m.xattrs[xattrCaps] = c.Encode()
	}
	for attr, value := range n.Xattrs {
		if !strings.HasPrefix(attr, xattrUser) {
			return nil, fmt.Errorf("extended attribute %q: only those that begin with %s are carried", attr, xattrUser)
		}
		m.xattrs[attr] = []byte(value)
	}
	switch {
	case n.Type != hosts.Dir && n.DefaultACL != "":
		return nil, errors.New("only a directory has a default access control list")
	case n.Type != hosts.File && n.Caps != "":
		return nil, errors.New("only a file has capabilities")
	case n.Type == hosts.Link && (len(m.xattrs) > 0 || n.Mode != 0):
		return nil, errors.New("a link has no mode, access control list or extended attributes")
	}
	m.label, err = h.wantedLabel(ctx, finalPath, n)
	return m, err
}

// owners begins a meta with the numbers of a Node's owners.
func (h *Host) owners(n *hosts.Node, fresh bool) (*meta, *accounts, error) {
	ids, err := h.names(fresh)
	if err != nil {
		return nil, nil, err
	}
	uid, err := ids.UserID(n.Owner)
	if err != nil {
		return nil, nil, err
	}
	gid, err := ids.GroupID(n.Group)
	if err != nil {
		return nil, nil, err
	}
	return &meta{uid: int(uid), gid: int(gid), mode: n.Mode, xattrs: map[string][]byte{}}, ids, nil
}

// keepLabel takes over the label of what is replaced, where the policy says
// nothing of the path.
func (m *meta) keepLabel(d dirFD, name string) {
	if label, err := getLabel(d, name); err == nil && label != hosts.Unlabeled {
		m.label = label
	}
}

// onFile puts the metadata on the open file that is name in d.
func (m *meta) onFile(fd int, d dirFD, name string) error {
	if err := m.onFD(fd); err != nil {
		return err
	}
	return setLabel(d, name, m.label)
}

// onDir puts it on the directory name in d.
func (m *meta) onDir(d dirFD, name string) error {
	fd, err := d.openRead(name, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dirFD(fd).Close()
	return m.onFile(fd, d, name)
}

// onLink puts it on the link name in d.
func (m *meta) onLink(d dirFD, name string) error {
	if err := unix.Fchownat(int(d), name, m.uid, m.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("cannot set owner: %w", err)
	}
	return setLabel(d, name, m.label)
}

// onFD sets the owner first, since that clears setuid and capabilities, and the
// access control list after the mode, since its mask is the mode's group bits.
func (m *meta) onFD(fd int) error {
	st, err := fstatx(fd)
	if err != nil {
		return err
	}
	if int(st.Uid) != m.uid || int(st.Gid) != m.gid {
		// A new owner never gets what the old mode allowed and the new one does not.
		if loose := uint32(st.Mode) & 0o7777 &^ m.mode; loose != 0 {
			if err := unix.Fchmod(fd, uint32(st.Mode)&m.mode); err != nil {
				return fmt.Errorf("cannot set mode: %w", err)
			}
		}
		if err := unix.Fchown(fd, m.uid, m.gid); err != nil {
			return fmt.Errorf("cannot set owner: %w", err)
		}
	}
	if err := m.dropXattrs(fd); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, m.mode); err != nil {
		return fmt.Errorf("cannot set mode: %w", err)
	}
	for attr, value := range m.xattrs {
		if err := retryErr(func() error { return unix.Fsetxattr(fd, attr, value, 0) }); err != nil {
			return fmt.Errorf("cannot set attribute %s: %w", attr, xattrError(attr, err))
		}
	}
	if len(m.xattrs) == 0 {
		return nil
	}
	st, err = fstatx(fd)
	if err != nil {
		return err
	}
	if uint32(st.Mode)&0o7777 != m.mode {
		return fmt.Errorf("the access control list makes the mode %04o, not %04o: its u::, m:: (or g::) and o:: entries must say the same", st.Mode&0o7777, m.mode)
	}
	return nil
}

// dropXattrs removes what a new file inherited from its directory's default
// list, and what a directory had, unless it is to be set anyhow.
func (m *meta) dropXattrs(fd int) error {
	buf := xattrBufs.Get().(*[]byte)
	defer xattrBufs.Put(buf)
	n, err := retry(func() (int, error) { return unix.Flistxattr(fd, *buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot list extended attributes: %w", err)
	}
	for attr := range strings.SplitSeq(string((*buf)[:n]), "\x00") {
		ours := strings.HasPrefix(attr, xattrUser) || attr == xattrACL || attr == xattrDefaultACL || attr == xattrCaps
		if _, keep := m.xattrs[attr]; keep || !ours {
			continue
		}
		err := retryErr(func() error { return unix.Fremovexattr(fd, attr) })
		if err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("cannot remove attribute %s: %w", attr, err)
		}
	}
	return nil
}

func xattrError(attr string, err error) error {
	switch {
	case errors.Is(err, unix.ENOTSUP):
		return fmt.Errorf("the file system does not have such attributes: %w", err)
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.E2BIG):
		return fmt.Errorf("it is too long for the file system: %w", err)
	}
	return err
}
