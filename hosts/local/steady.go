package local

import (
	"io"
	"io/fs"
	"time"

	"hikae/hosts"
)

// Steady implements hosts.Steady.
func (h *Host) Steady(path string) (func() (io.ReadCloser, error), bool) {
	was, err := h.stamp(path)
	// Of one that is not settled a write within the same tick would not show.
	if err != nil || !was.settled(time.Now()) {
		return nil, false
	}
	return func() (io.ReadCloser, error) {
		f, err := h.open(path)
		if err != nil {
			return nil, err
		}
		if f.stamp() != was {
			_ = f.Close() // opened for reading
			return nil, &fs.PathError{Op: "read", Path: path, Err: hosts.ErrWritten}
		}
		return steady{f}, nil
	}, true
}

// steady is a file that is read as it was opened.
type steady struct{ *file }

func (s steady) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	if err != io.EOF { //nolint:errorlint // what file gives
		return n, err
	}
	same, err := s.unchanged()
	switch {
	case err != nil:
		return n, err
	case !same:
		return n, &fs.PathError{Op: "read", Path: s.label, Err: hosts.ErrWritten}
	}
	return n, io.EOF
}
