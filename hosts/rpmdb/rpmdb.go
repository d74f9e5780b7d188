// Package rpmdb reads an rpm database without rpm: EL 8's Berkeley DB hash (Packages) and EL 9's sqlite (rpmdb.sqlite, its
// write-ahead log included).
//
// It only reads, takes no lock and writes nothing, not even the shared-memory index that sqlite itself would make. It
// therefore notices by stamps (size, mtime, ctime, inode) that the database moved while it was read, and reads again.
// What it reads may be hostile: a database that is damaged gives an error, and memory is bounded by the size of the file.
//
// Sources: rpm's lib/header.c and lib/backend/bdb_ro.c (4.18), Berkeley DB's dbinc/db_page.h (5.3), and sqlite's
// "Database File Format" and "WAL-mode File Format".
package rpmdb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Limits on what is taken for an rpm database at all. A server of 2,000 packages has 100 MB.
const (
	maxFileSize    = 4 << 30 // bytes of one database file or of its log
	maxHeaderBytes = 1 << 30 // bytes of all headers together, which are held in memory
)

// ErrChanging is wrapped by the error of a read that found the database moving each time it was tried.
var ErrChanging = errors.New("the database kept changing while it was read")

var errNotRegular = errors.New("not a regular file")

// A Kind is an on-disk format of the database.
type Kind int

const (
	SQLite     Kind = iota + 1 // rpmdb.sqlite, rpm 4.16 and later (EL 9)
	BerkeleyDB                 // Packages, a Berkeley DB hash (EL 8 and older)
)

// String gives the name rpm has for the kind in %_db_backend.
func (k Kind) String() string {
	switch k {
	case SQLite:
		return "sqlite"
	case BerkeleyDB:
		return "bdb"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// DB is an rpm database that was found. It holds no file open, so there is nothing to close, and it may be used by
// several goroutines at once.
type DB struct {
	fsys fs.FS
	name string // path of the main file inside fsys
	kind Kind

	checked Stamp
}

// Checked says under which stamp an earlier Load was without error: as long as that one holds, headers are not hashed again,
// which is half of what a Load costs.
func (db *DB) Checked(s Stamp) { db.checked = s }

// places lists where a database is looked for, in order. Both files exist only after an upgrade from EL 8, and then the
// sqlite one is in use.
var places = []struct {
	name string
	kind Kind
}{
	{"var/lib/rpm/rpmdb.sqlite", SQLite},
	{"usr/lib/sysimage/rpm/rpmdb.sqlite", SQLite},
	{"var/lib/rpm/Packages", BerkeleyDB},
	{"usr/lib/sysimage/rpm/Packages", BerkeleyDB},
}

// Files lists the files, absolute, that a database may be in: the main file and, of
// sqlite's, the log, which is written first.
func Files() []string {
	var files []string
	for _, p := range places {
		files = append(files, "/"+p.name)
		if p.kind == SQLite {
			files = append(files, "/"+p.name+walSuffix)
		}
	}
	return files
}

// Locks lists the files, absolute, of which rpm holds a write lock, by fcntl(2), for as long as it changes the database
// (rpm's lib/rpmlock.c; %_rpmlock_path). To look at packages it takes a read lock at most.
func Locks() []string {
	return []string{"/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"}
}

// Open finds the rpm database of the host whose root directory is fsys: os.DirFS("/") for this one. The error wraps
// fs.ErrNotExist when there is none.
//
// The files of fsys should implement io.ReaderAt, as those of os.DirFS and os.Root do; others are read into memory.
func Open(fsys fs.FS) (*DB, error) {
	for _, p := range places {
		switch _, err := fs.Stat(fsys, p.name); {
		case err == nil:
			return &DB{fsys: fsys, name: p.name, kind: p.kind}, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("cannot find the rpm database: %w", err)
		}
	}
	return nil, fmt.Errorf("cannot find the rpm database: no rpmdb.sqlite or Packages in /var/lib/rpm or /usr/lib/sysimage/rpm: %w", fs.ErrNotExist)
}

// OpenDir finds the rpm database in dir itself, a directory of fsys such as "." or "var/lib/rpm", as rpm does with
// --dbpath. The error wraps fs.ErrNotExist when there is none.
func OpenDir(fsys fs.FS, dir string) (*DB, error) {
	for _, p := range places {
		name := path.Join(dir, path.Base(p.name))
		switch _, err := fs.Stat(fsys, name); {
		case err == nil:
			return &DB{fsys: fsys, name: name, kind: p.kind}, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("cannot find the rpm database: %w", err)
		}
	}
	return nil, fmt.Errorf("cannot find the rpm database: no rpmdb.sqlite or Packages in /%s: %w", dir, fs.ErrNotExist)
}

// Kind is the database's format.
func (db *DB) Kind() Kind { return db.kind }

// Path is the absolute path of the database's main file on its host.
func (db *DB) Path() string { return "/" + db.name }

// Packages yields every installed package in the order of Load. The whole database has been read, and found not to move
// meanwhile, before the first is yielded. An error is yielded last, with a nil package.
func (db *DB) Packages(ctx context.Context) iter.Seq2[*Package, error] {
	return func(yield func(*Package, error) bool) {
		pkgs, _, err := db.Load(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, p := range pkgs {
			if !yield(p, nil) {
				return
			}
		}
	}
}

const (
	loadTries = 5
	// A file system's clock ticks every 1 to 10 ms: a file changed this recently may change once more without its mtime
	// telling, so a read starts only when the last change is older.
	settle = 20 * time.Millisecond
)

// Load reads every installed package, in the order of their record numbers, which is the order of installation. Imported
// keys are among them, as packages named gpg-pubkey. The stamp is the one that held before and after the reading: as long as
// Stamp gives the same, the packages are what is installed.
//
// The error wraps ErrChanging when the database moved during each of several tries, a second or two in all: an rpm
// transaction is under way.
func (db *DB) Load(ctx context.Context) ([]*Package, Stamp, error) {
	var lastErr error
	for try := range loadTries {
		if try > 0 {
			if err := sleep(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
				return nil, Stamp{}, db.errorf(err)
			}
		}
		before, settled, err := db.settledStamp(ctx)
		if err != nil {
			return nil, Stamp{}, err
		}
		if !settled {
			continue // a change within one tick of the clock would not show
		}
		pkgs, readErr := db.read(ctx, before != db.checked)
		after, err := db.Stamp()
		if err != nil {
			return nil, Stamp{}, err
		}
		if before == after {
			if readErr != nil {
				return nil, Stamp{}, db.errorf(readErr)
			}
			return pkgs, after, nil
		}
		lastErr = readErr
	}
	if lastErr != nil { // the last of the errors that a moving database gave; it may be more than that
		return nil, Stamp{}, db.errorf(fmt.Errorf("%w (%w)", ErrChanging, lastErr))
	}
	return nil, Stamp{}, db.errorf(ErrChanging)
}

func (db *DB) errorf(err error) error {
	return fmt.Errorf("cannot read %s: %w", db.Path(), err)
}

// settledStamp returns the stamp once the last change is a little in the past. It waits a second for that at most.
func (db *DB) settledStamp(ctx context.Context) (s Stamp, settled bool, err error) {
	for waited := time.Duration(0); ; waited += settle {
		if s, err = db.Stamp(); err != nil {
			return Stamp{}, false, err
		}
		age := time.Since(s.newest())
		if age < 0 || age >= settle { // a time in the future says nothing
			return s, true, nil
		}
		if waited >= time.Second {
			return s, false, nil
		}
		if err := sleep(ctx, settle-age); err != nil {
			return Stamp{}, false, db.errorf(err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// A record is one entry of the database: an installed package's header and its record number.
type record struct {
	num  uint32
	blob string
}

// read reads the database once, with no thought for its moving.
func (db *DB) read(ctx context.Context, check bool) ([]*Package, error) {
	recs, err := db.records(ctx)
	if err != nil {
		return nil, err
	}
	pkgs := make([]*Package, len(recs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	const batch = 64
	for from := 0; from < len(recs); from += batch {
		g.Go(func() error {
			for i := from; i < min(from+batch, len(recs)) && ctx.Err() == nil; i++ {
				p, err := readPackage(recs[i], check)
				if err != nil {
					return err
				}
				pkgs[i] = p
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return pkgs, nil
}

// readPackage decodes a record, and hashes it where that is asked for.
func readPackage(r record, check bool) (*Package, error) {
	p, err := newPackage(r)
	if err == nil && check {
		err = p.header.checkDigest()
	}
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", r.num, err)
	}
	return p, nil
}

// records reads all records in the order of their numbers.
func (db *DB) records(ctx context.Context) ([]record, error) {
	main, err := openSource(db.fsys, db.name)
	if err != nil {
		return nil, err
	}
	defer main.close()

	var recs []record
	switch db.kind {
	case SQLite:
		recs, err = db.readSQLite(ctx, main)
	case BerkeleyDB:
		recs, err = readBDB(ctx, main)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(recs, func(a, b record) int { return cmp.Compare(a.num, b.num) })
	return recs, nil
}

// A source is a file open for reading at offsets.
type source struct {
	io.ReaderAt
	size int64
	file fs.File
}

func openSource(fsys fs.FS, name string) (*source, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, pathless(err)
	}
	s, err := newSource(f)
	if err != nil {
		_ = f.Close()
		return nil, pathless(err)
	}
	return s, nil
}

func newSource(f fs.File) (*source, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errNotRegular
	}
	s := &source{size: fi.Size(), file: f}
	if s.size > maxFileSize {
		return nil, fmt.Errorf("the file has %d bytes, more than the %d an rpm database can have", s.size, int64(maxFileSize))
	}
	if r, ok := f.(io.ReaderAt); ok {
		s.ReaderAt = &ahead{r: r}
		return s, nil
	}
	b, err := io.ReadAll(io.LimitReader(f, s.size))
	if err != nil {
		return nil, err
	}
	s.ReaderAt, s.size = bytesReaderAt(b), int64(len(b))
	return s, nil
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// readAt fills p from offset off: a file that ends before is an error.
func (s *source) readAt(p []byte, off int64) error {
	n, err := s.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file is cut off at byte %d", off+int64(n))
	}
	return pathless(err)
}

type bytesReaderAt []byte

func (b bytesReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// pathless takes the path off a file system's error, where ours says it already.
func pathless(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
