package local

import (
	"io"
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts/unitfile"
)

// hostFS is the host's files as an fs.FS, by the host's rule on links: for the
// parsers that take one. Open opens regular files only.
type hostFS struct{ h *Host }

var (
	_ fs.ReadDirFS  = hostFS{}
	_ fs.ReadLinkFS = hostFS{}
	_ fs.StatFS     = hostFS{}

	_ unitfile.Judge = hostFS{}
)

func (f hostFS) path(op, name string) (string, error) {
	switch {
	case !fs.ValidPath(name):
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	case name == ".":
		return "/", nil
	}
	return "/" + name, nil
}

// Open implements fs.FS.
func (f hostFS) Open(name string) (fs.File, error) {
	p, err := f.path("open", name)
	if err != nil {
		return nil, err
	}
	r, err := f.h.open(p)
	if err != nil { // no nil *file in the interface
		return nil, err
	}
	return r, nil
}

// Judge implements unitfile.Judge: it is hosts.Judge's, of a file that was listed.
func (f hostFS) Judge(name string, is fs.FileInfo, question string, ask func(io.Reader) (bool, error)) (bool, error) {
	p, err := f.path("open", name)
	if err != nil {
		return false, err
	}
	now, said := time.Now(), fitsRule(question, p)
	if i, ok := is.(fileInfo); ok {
		if k, ok := f.h.stamps.get(stampAt(i.st, p), now); ok && k.Not == said {
			return false, nil
		}
	}
	r, err := f.h.open(p)
	if err != nil {
		return false, err
	}
	return f.h.judge(r, p, said, now, ask)
}

// ReadLink implements fs.ReadLinkFS.
func (f hostFS) ReadLink(name string) (string, error) {
	p, err := f.path("readlink", name)
	if err != nil {
		return "", err
	}
	d, base, err := f.h.parent("readlink", p)
	if err != nil {
		return "", err
	}
	defer d.Close()
	target, err := readlinkat(d, base)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: p, Err: err}
	}
	return target, nil
}

// Lstat implements fs.ReadLinkFS.
func (f hostFS) Lstat(name string) (fs.FileInfo, error) {
	p, err := f.path("lstat", name)
	if err != nil {
		return nil, err
	}
	d, base, err := f.h.parent("lstat", p)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fi, err := lstat(d, base)
	if err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: p, Err: err}
	}
	return fi, nil
}

// Stat implements fs.StatFS. It is Open's: a link is not followed, and only a
// regular file is told of.
func (f hostFS) Stat(name string) (fs.FileInfo, error) {
	fi, err := f.Lstat(name)
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "stat", Path: name, Err: errNotRegular}
	}
	if err != nil {
		return nil, err
	}
	return fi, nil
}

// ReadDir implements fs.ReadDirFS.
func (f hostFS) ReadDir(name string) ([]fs.DirEntry, error) {
	p, err := f.path("readdir", name)
	if err != nil {
		return nil, err
	}
	d, err := f.h.openDir(p)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: p, Err: err}
	}
	defer d.Close()
	dir, names, err := openAndList(d, ".")
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: p, Err: err}
	}
	dir.Close()
	entries := make([]fs.DirEntry, 0, len(names))
	for _, name := range names {
		fi, err := lstat(d, name)
		if err != nil {
			continue // gone since it was listed
		}
		entries = append(entries, fs.FileInfoToDirEntry(fi))
	}
	return entries, nil
}

func lstat(d dirFD, name string) (fs.FileInfo, error) {
	st, err := d.statx(name)
	if err != nil {
		return nil, err
	}
	return fileInfo{name, st}, nil
}

// fileInfo is a fs.FileInfo of a statx.
type fileInfo struct {
	name string
	st   *unix.Statx_t
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return stampOf(i.st).Size }
func (i fileInfo) Mode() fs.FileMode  { return fileMode(i.st.Mode) | fs.FileMode(i.st.Mode&0o777) }
func (i fileInfo) ModTime() time.Time { return time.Unix(i.st.Mtime.Sec, int64(i.st.Mtime.Nsec)) }
func (i fileInfo) IsDir() bool        { return i.Mode().IsDir() }

// Sys implements fs.FileInfo: what tells whether it is the same file still.
func (i fileInfo) Sys() any {
	s := stampOf(i.st)
	return &syscall.Stat_t{
		Dev: s.Dev, Ino: s.Ino, Mode: uint32(i.st.Mode), Uid: i.st.Uid, Gid: i.st.Gid, Size: s.Size,
		Mtim: syscall.NsecToTimespec(s.MTime), Ctim: syscall.NsecToTimespec(s.CTime),
	}
}
