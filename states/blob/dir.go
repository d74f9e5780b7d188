package blob

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Dir is a Store in a directory: ab/abcd... below root, mode 0600.
type Dir struct{ root string }

var _ Store = (*Dir)(nil)

// OpenDir makes the directory where it is missing.
func OpenDir(root string) (*Dir, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("cannot open blob store: %w", err)
	}
	return &Dir{root: root}, nil
}

func (d *Dir) path(name string) string { return filepath.Join(d.root, name[:2], name) }

// Missing implements Store.
func (d *Dir) Missing(ctx context.Context, names []string) ([]string, error) {
	var missing []string
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := CheckName(n); err != nil {
			return nil, err
		}
		has, err := d.has(n)
		if err != nil {
			return nil, fmt.Errorf("cannot look up blob: %w", err)
		}
		if !has {
			missing = append(missing, n)
		}
	}
	return missing, nil
}

// Get implements Store.
func (d *Dir) Get(_ context.Context, name string) (io.ReadCloser, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, fmt.Errorf("cannot read blob: %w", err)
	}
	return f, nil
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, name string, r io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	path := d.path(name)
	if has, err := d.has(name); err == nil && has {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot store blob: %w", err)
	}
	return WriteFile(path, 0o600, func(w io.Writer) error {
		_, err := io.Copy(&earlyWriter{Writer: w}, &ctxReader{ctx, r})
		return err
	})
}

// PutNew is Put of a blob whose name is known once r has ended. Another process may
// put the same at that time: its bytes are the same.
func (d *Dir) PutNew(ctx context.Context, r io.Reader, name func() string) error {
	return writeFile(d.root, 0o600, func(w io.Writer) (string, error) {
		if _, err := io.Copy(&earlyWriter{Writer: w}, &ctxReader{ctx, r}); err != nil {
			return "", err
		}
		if err := CheckName(name()); err != nil {
			return "", err
		}
		path := d.path(name())
		return path, os.MkdirAll(filepath.Dir(path), 0o700)
	})
}

// earlyWriter has a large file begun to be written to the disk while it comes, so
// that the sync at its end has little left to wait for: what is not needed is
// (posix_fadvise(2)). What was begun before, and is written by now, gives its memory
// to what comes. Best effort.
type earlyWriter struct {
	io.Writer
	n, begun int64
}

func (e *earlyWriter) Write(p []byte) (int, error) {
	const every, behind = 8 << 20, 64 << 20 // how far a disk may be behind
	n, err := e.Writer.Write(p)
	e.n += int64(n)
	if f, ok := e.Writer.(*os.File); ok && e.n-e.begun >= every {
		from := max(0, e.n-behind)
		_ = unix.Fadvise(int(f.Fd()), from, e.n-from, unix.FADV_DONTNEED) // #nosec G115 -- a descriptor
		e.begun = e.n
	}
	return n, err
}

// List implements Store.
func (d *Dir) List(ctx context.Context, fn func(string, int64) error) error {
	return filepath.WalkDir(d.root, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.Type().IsRegular() || CheckName(e.Name()) != nil {
			return nil //nolint:nilerr // not one of ours
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return fn(e.Name(), info.Size())
	})
}

// tempMode is what os.CreateTemp makes.
const tempMode = 0o600

// WriteFile writes a file aside, syncs it and renames it into place, and syncs
// the directory: path is the old file or the whole new one, after a crash too.
func WriteFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	err := writeFile(filepath.Dir(path), mode, func(w io.Writer) (string, error) { return path, write(w) })
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// writeFile is WriteFile to where write says in the end, by way of a file in dir.
func writeFile(dir string, mode fs.FileMode, write func(io.Writer) (path string, err error)) (err error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	path, err := write(f)
	if err != nil {
		return err
	}
	if mode != tempMode {
		if err := f.Chmod(mode); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes renames in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // opened for reading
	return d.Sync()
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

// WriteTo implements io.WriterTo: what comes in large pieces is written so.
func (c *ctxReader) WriteTo(w io.Writer) (int64, error) {
	if from, ok := c.r.(io.WriterTo); ok {
		return from.WriteTo(&ctxWriter{c.ctx, w})
	}
	return io.Copy(w, struct{ io.Reader }{c})
}

type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *ctxWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
