package local

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// file is a regular file that is open for reading. It is no os.File: that one
// asks the kernel twice, for each of a host's thousand files, whether it could
// be waited for, and a regular file cannot.
type file struct {
	label string // what it is called in its errors
	st    *unix.Statx_t

	mu sync.Mutex // held while fd is used, so that no other file gets its number
	fd int        // -1 once it is closed
}

var (
	_ fs.File     = (*file)(nil)
	_ io.ReaderAt = (*file)(nil)
)

// openRegular opens name in d. What is no regular file is refused before
// anything could wait on it.
func openRegular(d dirFD, name, label string) (*file, error) {
	fd, err := d.openRead(name, unix.O_NONBLOCK)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		err = errNotRegular // a link, a socket
	}
	if err != nil {
		return nil, err
	}
	st, err := fstatx(fd)
	if err == nil && nodeType(st.Mode) != hosts.File {
		err = errNotRegular
	}
	if err != nil {
		dirFD(fd).Close()
		return nil, err
	}
	return &file{label: label, st: st, fd: fd}, nil
}

var errNotRegular = errors.New("not a regular file")

// stamp is the file's as it was opened.
func (f *file) stamp() Stamp { return stampOf(f.st) }

// unchanged reports whether that is still its stamp.
func (f *file) unchanged() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, err := fstatx(f.fd)
	if err != nil {
		return false, err
	}
	return stampOf(st) == f.stamp(), nil
}

// Read implements io.Reader.
func (f *file) Read(p []byte) (int, error) {
	return f.read(p, func(fd int) (int, error) { return unix.Read(fd, p) })
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var nn int
		nn, err = f.read(p[n:], func(fd int) (int, error) { return unix.Pread(fd, p[n:], off+int64(n)) })
		n += nn
	}
	return n, err
}

func (f *file) read(p []byte, call func(fd int) (int, error)) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return 0, &fs.PathError{Op: "read", Path: f.label, Err: fs.ErrClosed}
	}
	n, err := retry(func() (int, error) { return call(f.fd) })
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: f.label, Err: err}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Stat implements fs.File: the file as it was opened.
func (f *file) Stat() (fs.FileInfo, error) { return fileInfo{path.Base(f.label), f.st}, nil }

// Close implements io.Closer.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return &fs.PathError{Op: "close", Path: f.label, Err: fs.ErrClosed}
	}
	dirFD(f.fd).Close()
	f.fd = -1
	return nil
}

// names lists a directory, sorted.
func (d dirFD) names() ([]string, error) {
	buf := direntBufs.Get().(*[]byte)
	defer direntBufs.Put(buf)
	var names []string
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(int(d), *buf) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent((*buf)[:n], -1, names)
	}
}

var direntBufs = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// Judge implements hosts.Judge.
func (h *Host) Judge(p, question string, ask func(io.Reader) (bool, error)) (bool, error) {
	d, name, err := h.parent("open", p)
	if err != nil {
		return false, err
	}
	defer d.Close()
	st, err := d.statx(name)
	if err != nil {
		return false, &fs.PathError{Op: "stat", Path: p, Err: err}
	}
	now, said := time.Now(), fitsRule(question, p)
	if k, ok := h.stamps.get(stampAt(st, p), now); ok && k.Not == said {
		return false, nil
	}
	f, err := openRegular(d, name, p)
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: p, Err: err}
	}
	return h.judge(f, p, said, now, ask)
}

// judge asks of a file that was opened after now, and remembers a no.
func (h *Host) judge(f *file, p string, said fits, now time.Time, ask func(io.Reader) (bool, error)) (bool, error) {
	defer f.Close() //nolint:errcheck // opened for reading
	yes, err := ask(f)
	if err != nil || yes {
		return yes, err
	}
	same, err := f.unchanged()
	if err == nil && same && f.stamp().settled(now) {
		h.stamps.note(stampAt(f.st, p), func(k *Digested) { k.Not = said })
	}
	return false, err
}
