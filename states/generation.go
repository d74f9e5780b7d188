package states

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// generation is a snapshot's files in memory, where nobody changes them between
// their being checked and their being read. Directories are not listed: a
// snapshot has none.
type generation map[string][]byte

// Open implements fs.FS.
func (g generation) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		d := &genDir{}
		for n := range g {
			if !strings.Contains(n, "/") {
				d.entries = append(d.entries, fs.FileInfoToDirEntry(genInfo{n, int64(len(g[n])), 0o600}))
			}
		}
		slices.SortFunc(d.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		return d, nil
	}
	data, ok := g[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &genFile{genInfo{path.Base(name), int64(len(data)), 0o600}, bytes.NewReader(data)}, nil
}

type genInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i genInfo) Name() string       { return i.name }
func (i genInfo) Size() int64        { return i.size }
func (i genInfo) Mode() fs.FileMode  { return i.mode }
func (i genInfo) ModTime() time.Time { return time.Time{} }
func (i genInfo) IsDir() bool        { return i.mode.IsDir() }
func (i genInfo) Sys() any           { return nil }

type genFile struct {
	info genInfo
	*bytes.Reader
}

func (f *genFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *genFile) Close() error               { return nil }

type genDir struct{ entries []fs.DirEntry }

func (d *genDir) Stat() (fs.FileInfo, error) { return genInfo{".", 0, fs.ModeDir | 0o700}, nil }
func (d *genDir) Close() error               { return nil }
func (d *genDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *genDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}
