package rpmdb

import "io"

// ahead reads large pieces of a file that is read in small ones, page by page,
// for the most part in order. It may not be used by several goroutines at once.
type ahead struct {
	r   io.ReaderAt
	buf []byte // what stands at off
	off int64
}

const aheadSize = 128 << 10

// ReadAt implements io.ReaderAt.
func (a *ahead) ReadAt(p []byte, off int64) (int, error) {
	if len(p) >= aheadSize/2 {
		return a.r.ReadAt(p, off)
	}
	if off < a.off || off+int64(len(p)) > a.off+int64(len(a.buf)) {
		if cap(a.buf) == 0 {
			a.buf = make([]byte, aheadSize)
		}
		n, err := a.r.ReadAt(a.buf[:aheadSize], off)
		a.buf, a.off = a.buf[:n], off
		if n < len(p) { // the end of the file, or an error
			return copy(p, a.buf), err
		}
	}
	return copy(p, a.buf[off-a.off:]), nil
}
