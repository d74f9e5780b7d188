package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/acl"
	"hikae/hosts/filecap"
)

// The extended attributes that a Node holds.
const (
	xattrACL        = "system.posix_acl_access"
	xattrDefaultACL = "system.posix_acl_default"
	xattrCaps       = "security.capability"
	xattrUser       = "user."
)

// Stat implements hosts.Reader.
func (h *Host) Stat(path string) (hosts.Node, error) {
	ids, err := h.names(false)
	if err != nil {
		return hosts.Node{}, err
	}
	d, name, err := h.parent("stat", path)
	if err != nil {
		return hosts.Node{}, err
	}
	defer d.Close()
	st, err := d.statx(name)
	if err != nil {
		return hosts.Node{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	n, err := h.node(d, name, st, ids)
	if err != nil {
		return hosts.Node{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return n, nil
}

func nodeType(mode uint16) hosts.NodeType {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return hosts.File
	case unix.S_IFDIR:
		return hosts.Dir
	case unix.S_IFLNK:
		return hosts.Link
	}
	return hosts.Other
}

// node reads the rest of what a Node holds. It costs nothing where the stamps
// know that there is nothing else, and else one call where there are no
// attributes beyond the common ones.
func (h *Host) node(d dirFD, name string, st *unix.Statx_t, ids *accounts) (hosts.Node, error) {
	n, _, err := h.labelled(d, name, st, ids)
	return n, err
}

// labelled is node, and whether the path may have an SELinux label.
func (h *Host) labelled(d dirFD, name string, st *unix.Statx_t, ids *accounts) (n hosts.Node, may bool, err error) {
	now := time.Now()
	k, _ := h.stamps.get(stampOf(st), now)
	return h.nodeKnown(d, name, st, ids, &k, now)
}

// nodeKnown is labelled, of what is known under the stamp since now.
func (h *Host) nodeKnown(d dirFD, name string, st *unix.Statx_t, ids *accounts, k *Digested, now time.Time) (n hosts.Node, may bool, err error) {
	n = hosts.Node{
		Type:  nodeType(st.Mode),
		Mode:  uint32(st.Mode) & 0o7777,
		Owner: ids.UserName(st.Uid),
		Group: ids.GroupName(st.Gid),
	}
	stamp := stampOf(st)
	switch n.Type {
	case hosts.Link:
		n.Mode = 0
		target, err := readlinkat(d, name)
		n.Link = target
		return n, true, err
	case hosts.Other:
		return n, true, nil
	case hosts.File:
		n.Content.Size = stamp.Size
	}
	if k.Plain && h.stamps.ctimes.tell(stamp.Dev, d, name) {
		return n, true, nil
	}
	settled := stamp.settled(now)
	if may, err = readXattrs(&n, d.proc(name), ids); err != nil {
		return n, may, err
	}
	if settled && n.ACL == "" && n.DefaultACL == "" && n.Caps == "" && n.Xattrs == nil {
		h.notePlain(stamp)
	}
	return n, may, nil
}

// xattrBufs holds buffers for the names of attributes and for their values:
// 64 KiB is the most that either can have (XATTR_LIST_MAX, XATTR_SIZE_MAX).
var xattrBufs = sync.Pool{New: func() any { b := make([]byte, 1<<16); return &b }}

// maxXattrs bounds the user's attributes of one file, in bytes: anybody can give one
// of his own as many as the file system takes, of XFS hundreds of megabytes.
const maxXattrs = 1 << 20

// readXattrs reads the attributes that a Node holds, and reports whether there is
// a label besides.
func readXattrs(n *hosts.Node, path string, ids *accounts) (labelled bool, err error) {
	list := xattrBufs.Get().(*[]byte)
	defer xattrBufs.Put(list)
	size, err := retry(func() (int, error) { return unix.Llistxattr(path, *list) })
	switch {
	case errors.Is(err, unix.ENOTSUP):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot list extended attributes: %w", err)
	case size == 0:
		return false, nil
	}
	for attr := range strings.SplitSeq(string((*list)[:size]), "\x00") {
		labelled = labelled || attr == xattrLabel
		if err := readXattr(n, path, attr, ids); err != nil {
			return labelled, fmt.Errorf("attribute %s: %w", attr, err)
		}
	}
	return labelled, nil
}

func readXattr(n *hosts.Node, path, attr string, ids *accounts) error {
	user := strings.HasPrefix(attr, xattrUser)
	if !user && attr != xattrACL && attr != xattrDefaultACL && attr != xattrCaps {
		return nil
	}
	value, err := lgetxattr(path, attr)
	if errors.Is(err, unix.ENODATA) { // removed meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case user:
		return addXattr(n, attr, value)
	case attr == xattrCaps:
		c, err := filecap.Decode(value)
		if err != nil {
			return err
		}
		n.Caps = c.String()
	default:
		l, err := acl.Decode(value)
		switch {
		case err != nil:
			return err
		case attr == xattrDefaultACL:
			n.DefaultACL = l.Text(ids)
		case !l.Minimal():
			n.ACL = l.Text(ids)
		}
	}
	return nil
}

func addXattr(n *hosts.Node, attr string, value []byte) error {
	size := len(value)
	for _, v := range n.Xattrs {
		size += len(v)
	}
	if size > maxXattrs {
		return fmt.Errorf("it and others are of more than %d bytes, which is more than is carried", maxXattrs)
	}
	if n.Xattrs == nil {
		n.Xattrs = map[string]string{}
	}
	n.Xattrs[attr] = string(value)
	return nil
}

func lgetxattr(path, attr string) ([]byte, error) {
	buf := xattrBufs.Get().(*[]byte)
	defer xattrBufs.Put(buf)
	n, err := retry(func() (int, error) { return unix.Lgetxattr(path, attr, *buf) })
	if err != nil {
		return nil, err
	}
	return slices.Clone((*buf)[:n]), nil
}

// ReadDir implements hosts.Reader.
func (h *Host) ReadDir(path string) ([]string, error) {
	d, name, err := h.parent("readdir", path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	dir, names, err := openAndList(d, name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: path, Err: err}
	}
	dir.Close()
	return names, nil
}

// openDirIn opens the directory name in d for listing.
func openDirIn(d dirFD, name string) (dirFD, error) {
	fd, err := d.openRead(name, unix.O_DIRECTORY)
	return dirFD(fd), err
}

// openAndList does both; the names are sorted.
func openAndList(d dirFD, name string) (dirFD, []string, error) {
	dir, err := openDirIn(d, name)
	if err != nil {
		return -1, nil, err
	}
	names, err := dir.names()
	if err != nil {
		dir.Close()
		return -1, nil, err
	}
	slices.Sort(names)
	return dir, names, nil
}

// Open implements hosts.Reader. What is no regular file is refused before
// anything could wait on it.
func (h *Host) Open(path string) (io.ReadCloser, error) {
	f, err := h.open(path)
	if err != nil { // no nil *file in the interface
		return nil, err
	}
	return f, nil
}

func (h *Host) open(path string) (*file, error) {
	d, name, err := h.parent("open", path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	f, err := openRegular(d, name, path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

func fstatx(fd int) (*unix.Statx_t, error) {
	st := new(unix.Statx_t)
	err := retryErr(func() error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, statMask, st) })
	return st, err
}
