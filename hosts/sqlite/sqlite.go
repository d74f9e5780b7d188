// Package sqlite reads the tables of a sqlite database, its write-ahead log included, without sqlite: rpm's database and
// dnf's history are such.
//
// It only reads, takes no lock and writes nothing, not even the shared-memory index that sqlite itself would make. Its
// caller must know, by stamps or by reading twice, that the files did not move meanwhile. What it reads may be hostile: a
// database that is damaged gives an error, and memory is bounded by the size of the file.
//
// Sources: sqlite's "Database File Format" and "WAL-mode File Format" (the sections are given).
package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// What sqlite appends to a database's name for its log and its rollback journal.
const (
	WALSuffix     = "-wal"
	JournalSuffix = "-journal"
)

// JournalMagic begins a rollback journal of a transaction that is under way or was cut off: the database may then hold half
// of it (§3). A journal without it is spent.
const JournalMagic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

// Layout of the file. Numbers are big-endian.
const (
	magic      = "SQLite format 3\x00"
	headerSize = 100 // §1.3, the start of page 1

	// offsets in the header
	headPageSize    = 16 // 2 bytes; 1 stands for 65536
	headReadVersion = 19 // 1 byte: 1 for a rollback journal, 2 for a write-ahead log
	headReserved    = 20 // 1 byte: bytes at the end of each page that are not used
	headEncoding    = 56 // 4 bytes: 1 for UTF-8
)

// DB is a database opened for reading. It may not be used by several goroutines at once.
type DB struct {
	src      *io.SectionReader
	wal      *wal // nil when there is none
	pageSize int
	usable   int // bytes of a page without the reserved ones
	lastPage uint32
	limit    int64           // bytes that all rows of a scan together can have
	total    int64           // bytes of the rows of this scan
	used     map[uint32]bool // pages read in this scan: each belongs to one place, so trees that loop or share are found
	overflow []byte          // the overflow page being read
	pages    [][]byte        // the page being read at each depth of the tree
}

// Open reads the header of a database and indexes its log, which may be nil.
func Open(main, log *io.SectionReader) (*DB, error) {
	db := &DB{src: main, limit: main.Size()}
	head := make([]byte, headerSize)
	if err := readAt(main, head, 0); err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, errors.New("not a sqlite database, or encrypted")
	}
	db.pageSize = int(binary.BigEndian.Uint16(head[headPageSize:]))
	if db.pageSize == 1 {
		db.pageSize = 65536
	}
	if db.pageSize < 512 || db.pageSize&(db.pageSize-1) != 0 {
		return nil, fmt.Errorf("a page size of %d is not possible", db.pageSize)
	}
	db.lastPage = uint32(min(main.Size()/int64(db.pageSize), math.MaxUint32)) //nolint:gosec // it fits
	if log != nil {
		db.limit += log.Size()
		var err error
		if db.wal, err = openWAL(log, db.pageSize); err != nil {
			return nil, fmt.Errorf("its log %s: %w", WALSuffix, err)
		}
	}
	if db.wal != nil {
		db.lastPage = db.wal.lastPage
		// The log may hold a newer page 1.
		if p, ok, err := db.wal.page(1); err != nil {
			return nil, err
		} else if ok {
			copy(head, p)
		}
	}
	if v := head[headReadVersion]; v != 1 && v != 2 {
		return nil, fmt.Errorf("version %d of sqlite's format is not known", v)
	}
	db.usable = db.pageSize - int(head[headReserved])
	if db.usable < 480 { // §1.3.4
		return nil, fmt.Errorf("%d reserved bytes a page are not possible", head[headReserved])
	}
	if e := binary.BigEndian.Uint32(head[headEncoding:]); e > 1 { // 0: nothing was ever written
		return nil, fmt.Errorf("text encoding %d, where UTF-8 is due", e)
	}
	db.limit = min(db.limit, maxRows)
	db.overflow = make([]byte, db.pageSize)
	return db, nil
}

// Scan calls fn for each row of a table in the order of the rowids. A column declared INTEGER PRIMARY KEY is the rowid and
// null in the row.
func (db *DB) Scan(ctx context.Context, table string, fn func(rowid int64, row Row) error) error {
	root, err := db.tableRoot(ctx, table)
	if err != nil {
		return err
	}
	db.used, db.total = map[uint32]bool{}, 0
	return db.scan(ctx, root, 0, fn)
}

// tableRoot finds a table's root page in the schema, §2.6.
func (db *DB) tableRoot(ctx context.Context, table string) (uint32, error) {
	var root int64
	db.used, db.total = map[uint32]bool{}, 0
	err := db.scan(ctx, 1, 0, func(_ int64, row Row) error {
		// type, name, tbl_name, rootpage, sql
		cols, err := row.Columns(5)
		if err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		if cols[0].Bytes() == "table" && cols[1].Bytes() == table {
			root = cols[3].Int()
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if root < 2 || root > 1<<32-1 {
		return 0, fmt.Errorf("it has no table %s", table)
	}
	return uint32(root), nil
}

// readPage reads page no into p; each page can be read once a scan.
func (db *DB) readPage(p []byte, no uint32) error {
	if no == 0 || no > db.lastPage {
		return fmt.Errorf("there is no page %d", no)
	}
	if db.used[no] {
		return fmt.Errorf("page %d is used twice", no)
	}
	db.used[no] = true
	if db.wal != nil {
		if ok, err := db.wal.readPage(p, no); ok || err != nil {
			return err
		}
	}
	return readAt(db.src, p, int64(no-1)*int64(db.pageSize))
}

// readAt fills p from offset off: a file that ends before is an error.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut off at byte %d", off+int64(n))
	}
	return err
}
