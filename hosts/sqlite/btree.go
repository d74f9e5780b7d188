package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// B-tree pages, §1.6.
const (
	pageInterior  = 0x05 // of a table
	pageLeaf      = 0x0d // of a table
	pageCells     = 3    // 2 bytes: how many cells
	pageRightmost = 8    // 4 bytes: the last child, of an interior page
	maxDepth      = 20   // a tree of more pages than any file has
)

// maxRows bounds all rows of a table together, in bytes.
const maxRows = 1 << 30

// scan calls fn for each row of the table whose b-tree starts at page no, in the order of the rowids.
func (db *DB) scan(ctx context.Context, no uint32, depth int, fn func(rowid int64, row Row) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return errors.New("the table's tree is too deep")
	}
	page := db.pageAt(depth)
	if err := db.readPage(page, no); err != nil {
		return err
	}
	at := 0
	if no == 1 {
		at = headerSize
	}
	cells := int(binary.BigEndian.Uint16(page[at+pageCells:]))
	switch page[at] {
	case pageLeaf:
		index := at + 8
		if index+2*cells > db.usable {
			return fmt.Errorf("page %d: %d cells are not possible", no, cells)
		}
		for i := range cells {
			rowid, payload, err := db.leafCell(page[:db.usable], int(binary.BigEndian.Uint16(page[index+2*i:])))
			if err != nil {
				return fmt.Errorf("page %d, cell %d: %w", no, i, err)
			}
			if db.total += int64(len(payload)); db.total > db.limit { // cells can overlap
				return fmt.Errorf("more than %d bytes of rows", db.limit)
			}
			if err := fn(rowid, Row(payload)); err != nil {
				return err
			}
		}
		return nil
	case pageInterior:
		index := at + 12
		if index+2*cells > db.usable {
			return fmt.Errorf("page %d: %d cells are not possible", no, cells)
		}
		for i := range cells {
			cell := int(binary.BigEndian.Uint16(page[index+2*i:]))
			if cell+4 > db.usable {
				return fmt.Errorf("page %d: cell %d lies outside of the page", no, i)
			}
			if err := db.scan(ctx, binary.BigEndian.Uint32(page[cell:]), depth+1, fn); err != nil {
				return err
			}
		}
		return db.scan(ctx, binary.BigEndian.Uint32(page[at+pageRightmost:]), depth+1, fn)
	}
	return fmt.Errorf("page %d has type %d, where a table's page is due", no, page[at])
}

// pageAt gives room for the page at a depth of the tree: there is one at a time.
func (db *DB) pageAt(depth int) []byte {
	for len(db.pages) <= depth {
		db.pages = append(db.pages, make([]byte, db.pageSize))
	}
	return db.pages[depth]
}

// leafCell reads the cell at offset at of a leaf, its overflow pages included: §1.6, "B-tree Cell Format".
func (db *DB) leafCell(page []byte, at int) (rowid int64, payload string, err error) {
	if at >= len(page) {
		return 0, "", errors.New("it lies outside of the page")
	}
	cell := page[at:]
	usize, n := varint(cell)
	if n == 0 || usize > uint64(db.limit) { //nolint:gosec // the bytes of files
		return 0, "", errors.New("its length is not possible")
	}
	urow, m := varint(cell[n:])
	if m == 0 {
		return 0, "", errors.New("it is cut off")
	}
	rowid = int64(urow)                  //nolint:gosec // stored as two's complement: §1.6
	size, cell := int(usize), cell[n+m:] //nolint:gosec // within db.limit
	local := db.local(size)
	if local > len(cell) {
		return 0, "", errors.New("it is cut off")
	}
	if local == size {
		return rowid, string(cell[:size]), nil
	}
	if len(cell) < local+4 {
		return 0, "", errors.New("it is cut off")
	}
	next := binary.BigEndian.Uint32(cell[local:])
	var b strings.Builder
	b.Grow(size)
	b.Write(cell[:local])
	for left := size - local; left > 0; {
		if err := db.readPage(db.overflow, next); err != nil {
			return 0, "", err
		}
		n := min(left, db.usable-4)
		b.Write(db.overflow[4 : 4+n])
		left -= n
		next = binary.BigEndian.Uint32(db.overflow)
	}
	return rowid, b.String(), nil
}

// local gives how many bytes of a payload of size bytes stay on the leaf: §1.6, with U, X, M, K as named there.
func (db *DB) local(size int) int {
	u := db.usable
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
