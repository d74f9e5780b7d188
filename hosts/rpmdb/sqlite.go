package rpmdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Layout of a sqlite database, from "Database File Format" (the sections are given). Numbers are big-endian.
const (
	sqliteMagic      = "SQLite format 3\x00"
	sqliteHeaderSize = 100 // §1.3, the start of page 1

	// offsets in the header
	sqlitePageSize    = 16 // 2 bytes; 1 stands for 65536
	sqliteReadVersion = 19 // 1 byte: 1 for a rollback journal, 2 for a write-ahead log
	sqliteReserved    = 20 // 1 byte: bytes at the end of each page that are not used
	sqliteEncoding    = 56 // 4 bytes: 1 for UTF-8

	// b-tree pages, §1.6
	sqliteInterior  = 0x05 // of a table
	sqliteLeaf      = 0x0d // of a table
	sqliteCells     = 3    // 2 bytes: how many cells
	sqliteRightmost = 8    // 4 bytes: the last child, of an interior page
	sqliteMaxDepth  = 20   // a tree of more pages than any file has

	walSuffix     = "-wal"
	journalSuffix = "-journal"
	journalMagic  = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" // §3
)

type sqliteFile struct {
	src      *source
	wal      *wal // nil when there is none
	pageSize int
	usable   int // bytes of a page without the reserved ones
	lastPage uint32
	used     map[uint32]bool // pages read: each belongs to one tree, so trees that loop or share are found
	limit    int64           // bytes that all headers together can have
	total    int64           // bytes of headers read so far
	overflow []byte          // the overflow page being read
}

// readSQLite reads the headers of an rpmdb.sqlite whose main file is main.
func (db *DB) readSQLite(ctx context.Context, main *source) ([]record, error) {
	if err := db.refuseHotJournal(); err != nil {
		return nil, err
	}
	log, err := openSource(db.fsys, db.name+walSuffix)
	switch {
	case err == nil:
		defer log.close()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its log %s: %w", walSuffix, err)
	}
	return readSQLite(ctx, main, log)
}

// refuseHotJournal fails when a transaction in rollback mode is under way or was cut off: the main file may then hold half
// of it. rpm makes such a journal only while it parks a database; its next start rolls it back.
func (db *DB) refuseHotJournal() error {
	name := db.name + journalSuffix
	if _, err := fileStamp(db.fsys, name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	j, err := openSource(db.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its journal %s: %w", journalSuffix, err)
	}
	defer j.close()
	head := make([]byte, len(journalMagic))
	if j.size < int64(len(head)) {
		return nil
	}
	if err := j.readAt(head, 0); err != nil {
		return fmt.Errorf("its journal %s: %w", journalSuffix, err)
	}
	if string(head) == journalMagic {
		return fmt.Errorf("a transaction is half done (%s%s is there): when none is running, any rpm command as root puts it back", db.Path(), journalSuffix)
	}
	return nil
}

// readSQLite reads the headers from a database and its log, which may be nil.
func readSQLite(ctx context.Context, main, log *source) ([]record, error) {
	f, err := openSQLite(main, log)
	if err != nil {
		return nil, err
	}
	root, err := f.tableRoot(ctx, "Packages")
	if err != nil {
		return nil, err
	}
	var recs []record
	err = f.scan(ctx, root, 0, func(rowid int64, payload string) error {
		if rowid < 1 || rowid > 1<<32-1 {
			return fmt.Errorf("row %d is not a record number", rowid)
		}
		// CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL): hnum is the rowid
		cols, err := columns(payload, 2)
		if err != nil {
			return fmt.Errorf("record %d: %w", rowid, err)
		}
		if !cols[1].blob {
			return fmt.Errorf("record %d: its header is not a blob", rowid)
		}
		if f.total += int64(len(payload)); f.total > f.limit {
			return fmt.Errorf("more than %d bytes of headers", f.limit)
		}
		recs = append(recs, record{uint32(rowid), cols[1].data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

func openSQLite(main, log *source) (*sqliteFile, error) {
	f := &sqliteFile{src: main, used: map[uint32]bool{}}
	head := make([]byte, sqliteHeaderSize)
	if err := main.readAt(head, 0); err != nil {
		return nil, err
	}
	if string(head[:len(sqliteMagic)]) != sqliteMagic {
		return nil, errors.New("not a sqlite database, or encrypted")
	}
	f.pageSize = int(binary.BigEndian.Uint16(head[sqlitePageSize:]))
	if f.pageSize == 1 {
		f.pageSize = 65536
	}
	if f.pageSize < 512 || f.pageSize&(f.pageSize-1) != 0 {
		return nil, fmt.Errorf("a page size of %d is not possible", f.pageSize)
	}
	f.lastPage = uint32(main.size / int64(f.pageSize))
	f.limit = main.size
	if log != nil {
		f.limit += log.size
		var err error
		if f.wal, err = openWAL(log, f.pageSize); err != nil {
			return nil, fmt.Errorf("its log %s: %w", walSuffix, err)
		}
	}
	if f.wal != nil {
		f.lastPage = f.wal.lastPage
		// The log may hold a newer page 1.
		if p, ok, err := f.wal.page(1); err != nil {
			return nil, err
		} else if ok {
			copy(head, p)
		}
	}
	if v := head[sqliteReadVersion]; v != 1 && v != 2 {
		return nil, fmt.Errorf("version %d of sqlite's format is not known", v)
	}
	f.usable = f.pageSize - int(head[sqliteReserved])
	if f.usable < 480 { // §1.3.4
		return nil, fmt.Errorf("%d reserved bytes a page are not possible", head[sqliteReserved])
	}
	if e := binary.BigEndian.Uint32(head[sqliteEncoding:]); e > 1 { // 0: nothing was ever written
		return nil, fmt.Errorf("text encoding %d, where rpm has UTF-8", e)
	}
	f.limit = min(f.limit, maxHeaderBytes)
	f.overflow = make([]byte, f.pageSize)
	return f, nil
}

// readPage reads page no into p; each page can be read once.
func (f *sqliteFile) readPage(p []byte, no uint32) error {
	if no == 0 || no > f.lastPage {
		return fmt.Errorf("there is no page %d", no)
	}
	if f.used[no] {
		return fmt.Errorf("page %d is used twice", no)
	}
	f.used[no] = true
	if f.wal != nil {
		if ok, err := f.wal.readPage(p, no); ok || err != nil {
			return err
		}
	}
	return f.src.readAt(p, int64(no-1)*int64(f.pageSize))
}

// tableRoot finds a table's root page in the schema, §2.6.
func (f *sqliteFile) tableRoot(ctx context.Context, table string) (uint32, error) {
	var root uint32
	err := f.scan(ctx, 1, 0, func(_ int64, payload string) error {
		// type, name, tbl_name, rootpage, sql
		cols, err := columns(payload, 5)
		if err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		if cols[0].data == "table" && cols[1].data == table {
			for _, c := range []byte(cols[3].data) {
				root = root<<8 | uint32(c)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if root < 2 {
		return 0, fmt.Errorf("it has no table %s", table)
	}
	return root, nil
}

// scan calls fn for each row of the table whose b-tree starts at page no, in the order of the rowids.
func (f *sqliteFile) scan(ctx context.Context, no uint32, depth int, fn func(rowid int64, payload string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > sqliteMaxDepth {
		return errors.New("the table's tree is too deep")
	}
	page := make([]byte, f.pageSize)
	if err := f.readPage(page, no); err != nil {
		return err
	}
	at := 0
	if no == 1 {
		at = sqliteHeaderSize
	}
	cells := int(binary.BigEndian.Uint16(page[at+sqliteCells:]))
	switch page[at] {
	case sqliteLeaf:
		index := at + 8
		if index+2*cells > f.usable {
			return fmt.Errorf("page %d: %d cells are not possible", no, cells)
		}
		for i := range cells {
			rowid, payload, err := f.leafCell(page[:f.usable], int(binary.BigEndian.Uint16(page[index+2*i:])))
			if err != nil {
				return fmt.Errorf("page %d, cell %d: %w", no, i, err)
			}
			if err := fn(rowid, payload); err != nil {
				return err
			}
		}
		return nil
	case sqliteInterior:
		index := at + 12
		if index+2*cells > f.usable {
			return fmt.Errorf("page %d: %d cells are not possible", no, cells)
		}
		for i := range cells {
			cell := int(binary.BigEndian.Uint16(page[index+2*i:]))
			if cell+4 > f.usable {
				return fmt.Errorf("page %d: cell %d lies outside of the page", no, i)
			}
			if err := f.scan(ctx, binary.BigEndian.Uint32(page[cell:]), depth+1, fn); err != nil {
				return err
			}
		}
		return f.scan(ctx, binary.BigEndian.Uint32(page[at+sqliteRightmost:]), depth+1, fn)
	}
	return fmt.Errorf("page %d has type %d, where a table's page is due", no, page[at])
}

// leafCell reads the cell at offset at of a leaf, its overflow pages included: §1.6, "B-tree Cell Format".
func (f *sqliteFile) leafCell(page []byte, at int) (rowid int64, payload string, err error) {
	if at >= len(page) {
		return 0, "", errors.New("it lies outside of the page")
	}
	cell := page[at:]
	usize, n := varint(cell)
	if n == 0 || usize > uint64(f.limit) {
		return 0, "", errors.New("its length is not possible")
	}
	urow, m := varint(cell[n:])
	if m == 0 {
		return 0, "", errors.New("it is cut off")
	}
	size, cell := int(usize), cell[n+m:]
	local := f.local(size)
	if local > len(cell) {
		return 0, "", errors.New("it is cut off")
	}
	if local == size {
		return int64(urow), string(cell[:size]), nil
	}
	if len(cell) < local+4 {
		return 0, "", errors.New("it is cut off")
	}
	next := binary.BigEndian.Uint32(cell[local:])
	var b strings.Builder
	b.Grow(size)
	b.Write(cell[:local])
	for left := size - local; left > 0; {
		if err := f.readPage(f.overflow, next); err != nil {
			return 0, "", err
		}
		n := min(left, f.usable-4)
		b.Write(f.overflow[4 : 4+n])
		left -= n
		next = binary.BigEndian.Uint32(f.overflow)
	}
	return int64(urow), b.String(), nil
}

// local gives how many bytes of a payload of size bytes stay on the leaf: §1.6, with U, X, M, K as named there.
func (f *sqliteFile) local(size int) int {
	u := f.usable
	x := u - 35
	if size <= x {
		return size
	}
	m := (u-12)*32/255 - 23
	k := m + (size-m)%(u-4)
	if k <= x {
		return k
	}
	return m
}

// A column is one value of a row. A number's bytes are as stored: big-endian, without leading zeros.
type column struct {
	data string
	blob bool
}

// columns splits a record into its first n values: §2.1.
func columns(record string, n int) ([]column, error) {
	bad := errors.New("the row is damaged")
	hsize, at := varint(record)
	if at == 0 || hsize > uint64(len(record)) || hsize < uint64(at) {
		return nil, bad
	}
	head, body := record[at:hsize], record[hsize:]
	cols := make([]column, n)
	for i := range cols {
		serial, w := varint(head)
		if w == 0 {
			return nil, fmt.Errorf("the row has %d columns, and %d are due", i, n)
		}
		head = head[w:]
		var size uint64
		switch {
		case serial <= 4:
			size = serial
		case serial == 5:
			size = 6
		case serial == 6, serial == 7:
			size = 8
		case serial < 12: // the constants 0 and 1
		default:
			size = (serial - 12) / 2
		}
		if size > uint64(len(body)) {
			return nil, bad
		}
		cols[i] = column{data: body[:size], blob: serial >= 12 && serial%2 == 0}
		body = body[size:]
	}
	return cols, nil
}

// varint decodes sqlite's variable-length number and gives its width, 0 when it is cut off: §1.6, "variable-length integer".
func varint[T string | []byte](s T) (v uint64, width int) {
	for i := range 8 {
		if i >= len(s) {
			return 0, 0
		}
		v = v<<7 | uint64(s[i]&0x7f)
		if s[i] < 0x80 {
			return v, i + 1
		}
	}
	if len(s) < 9 {
		return 0, 0
	}
	return v<<8 | uint64(s[8]), 9
}
