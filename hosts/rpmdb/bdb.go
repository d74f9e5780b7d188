package rpmdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Layout of a Berkeley DB hash file, from dbinc/db_page.h. Numbers are in the byte order of the machine that made the file.
// Page 0 is the meta page. Each bucket is a chain of hash pages; an item of a hash page is a key or a value, in turn, either
// on the page itself or in a chain of overflow pages.
const (
	bdbMetaSize  = 512 // bytes of the meta page that are in use
	bdbMagicHash = 0x00061561
	bdbMagicTree = 0x00053162

	// offsets on the meta page
	bdbMetaMagic     = 12
	bdbMetaVersion   = 16
	bdbMetaPageSize  = 20
	bdbMetaEncrypted = 24 // 1 byte: the cipher, 0 for none
	bdbMetaFlags     = 26 // 1 byte
	bdbMetaLastPage  = 32
	bdbMetaMaxBucket = 72
	bdbMetaSpares    = 96 // 32 numbers

	bdbFlagChecksum = 1 // of bdbMetaFlags: pages carry checksums, and their headers are longer

	// offsets on every other page
	bdbPageHeader = 26 // bytes of header
	bdbPageNumber = 8
	bdbPageNext   = 16
	bdbPageItems  = 20 // 2 bytes: how many items
	bdbPageHigh   = 22 // 2 bytes: of an overflow page, how many bytes it holds
	bdbPageType   = 25 // 1 byte

	bdbTypeHashOld  = 2 // made before Berkeley DB 4.6: items unsorted
	bdbTypeOverflow = 7
	bdbTypeHash     = 13

	bdbItemOnPage   = 1 // 1 byte of kind, then the data
	bdbItemOverflow = 3 // kind, 3 bytes unused, first page, length
	bdbOverflowSize = 12
)

type bdbFile struct {
	src       *source
	order     binary.ByteOrder
	pageSize  int
	lastPage  uint32
	maxBucket uint32
	spares    [32]uint32
	used      []uint64 // a bit per page: no page is in two chains, so chains that loop or share are found
	total     int64    // bytes of headers read so far
	page      []byte   // the overflow page being read
}

// readBDB reads the headers of a Packages file.
func readBDB(ctx context.Context, src *source) ([]record, error) {
	f, err := openBDB(src)
	if err != nil {
		return nil, err
	}
	var recs []record
	page := make([]byte, f.pageSize)
	for bucket := uint32(0); bucket <= f.maxBucket; bucket++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for no := f.bucketPage(bucket); no != 0; no = f.order.Uint32(page[bdbPageNext:]) {
			if err := f.readPage(page, no); err != nil {
				return nil, err
			}
			if recs, err = f.readItems(recs, page); err != nil {
				return nil, fmt.Errorf("page %d: %w", no, err)
			}
		}
	}
	return recs, nil
}

func openBDB(src *source) (*bdbFile, error) {
	meta := make([]byte, bdbMetaSize)
	if err := src.readAt(meta, 0); err != nil {
		return nil, err
	}
	f := &bdbFile{src: src}
	switch {
	case binary.LittleEndian.Uint32(meta[bdbMetaMagic:]) == bdbMagicHash:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(meta[bdbMetaMagic:]) == bdbMagicHash:
		f.order = binary.BigEndian
	case binary.LittleEndian.Uint32(meta[bdbMetaMagic:]) == bdbMagicTree, binary.BigEndian.Uint32(meta[bdbMetaMagic:]) == bdbMagicTree:
		return nil, errors.New("a Berkeley DB b-tree, where rpm has a hash")
	default:
		return nil, errors.New("not a Berkeley DB hash file")
	}
	if v := f.order.Uint32(meta[bdbMetaVersion:]); v < 8 || v > 10 {
		return nil, fmt.Errorf("version %d of Berkeley DB's hash is not known (8 to 10 are)", v)
	}
	if meta[bdbMetaEncrypted] != 0 {
		return nil, errors.New("the file is encrypted")
	}
	if meta[bdbMetaFlags]&bdbFlagChecksum != 0 {
		return nil, errors.New("files with page checksums cannot be read: rpm makes none")
	}
	size := f.order.Uint32(meta[bdbMetaPageSize:])
	if size < 512 || size > 65536 || size&(size-1) != 0 {
		return nil, fmt.Errorf("a page size of %d is not possible", size)
	}
	f.pageSize = int(size)
	f.lastPage = f.order.Uint32(meta[bdbMetaLastPage:])
	if pages := src.size / int64(size); int64(f.lastPage) >= pages {
		return nil, fmt.Errorf("the file is cut off: page %d is its last, and %d are there", f.lastPage, pages)
	}
	f.maxBucket = f.order.Uint32(meta[bdbMetaMaxBucket:])
	if f.maxBucket >= f.lastPage {
		return nil, fmt.Errorf("bucket %d is the last, but page %d is the last too", f.maxBucket, f.lastPage)
	}
	for i := range f.spares {
		f.spares[i] = f.order.Uint32(meta[bdbMetaSpares+4*i:])
	}
	f.used = make([]uint64, f.lastPage/64+1)
	f.page = make([]byte, f.pageSize)
	return f, nil
}

// bucketPage gives the first page of a bucket. The table doubles as it grows, and spares[i] says by how much the i-th part's
// pages are shifted. maxBucket is less than 2^23, the number of pages of 512 bytes in maxFileSize, so i is in range.
func (f *bdbFile) bucketPage(bucket uint32) uint32 {
	i := 0
	for b := bucket; b != 0; b >>= 1 {
		i++
	}
	return bucket + f.spares[i]
}

// readPage reads page no into p; each page can be read once.
func (f *bdbFile) readPage(p []byte, no uint32) error {
	if no == 0 || no > f.lastPage {
		return fmt.Errorf("there is no page %d", no)
	}
	if f.used[no/64]&(1<<(no%64)) != 0 {
		return fmt.Errorf("page %d is used twice", no)
	}
	f.used[no/64] |= 1 << (no % 64)
	if err := f.src.readAt(p, int64(no)*int64(f.pageSize)); err != nil {
		return err
	}
	if n := f.order.Uint32(p[bdbPageNumber:]); n != no {
		return fmt.Errorf("page %d says it is page %d", no, n)
	}
	return nil
}

// readItems appends the headers found on a hash page.
func (f *bdbFile) readItems(recs []record, page []byte) ([]record, error) {
	if t := page[bdbPageType]; t != bdbTypeHash && t != bdbTypeHashOld {
		return nil, fmt.Errorf("type %d, where a hash page is due", t)
	}
	items := int(f.order.Uint16(page[bdbPageItems:]))
	if items%2 != 0 || bdbPageHeader+2*items > len(page) {
		return nil, fmt.Errorf("%d items are not possible", items)
	}
	end := len(page) // items are laid down from the end of the page, so each ends where the one before it starts
	for i := 0; i < items; i += 2 {
		key, end2, err := f.item(page, i, end, items)
		if err != nil {
			return nil, err
		}
		val, end3, err := f.item(page, i+1, end2, items)
		if err != nil {
			return nil, err
		}
		end = end3
		if len(key) != 5 || key[0] != bdbItemOnPage {
			return nil, fmt.Errorf("item %d is not a record number", i)
		}
		num := f.order.Uint32(key[1:])
		if num == 0 { // holds the number that the next package gets
			continue
		}
		blob, err := f.value(val)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", num, err)
		}
		recs = append(recs, record{num, blob})
	}
	return recs, nil
}

// item returns the bytes of a page's i-th item, which ends at end, and where it starts.
func (f *bdbFile) item(page []byte, i, end, items int) ([]byte, int, error) {
	start := int(f.order.Uint16(page[bdbPageHeader+2*i:]))
	if start < bdbPageHeader+2*items || start >= end {
		return nil, 0, fmt.Errorf("item %d lies outside of the page", i)
	}
	return page[start:end], start, nil
}

// value returns what an item stands for.
func (f *bdbFile) value(item []byte) (string, error) {
	switch item[0] {
	case bdbItemOnPage:
		return string(item[1:]), nil
	case bdbItemOverflow:
		if len(item) != bdbOverflowSize {
			return "", fmt.Errorf("a reference of %d bytes to overflow pages", len(item))
		}
		return f.overflow(f.order.Uint32(item[4:]), f.order.Uint32(item[8:]))
	}
	return "", fmt.Errorf("an item of kind %d", item[0])
}

// overflow joins the chain of overflow pages that starts at page no and holds size bytes.
func (f *bdbFile) overflow(no, size uint32) (string, error) {
	if f.total += int64(size); f.total > min(f.src.size, maxHeaderBytes) {
		return "", fmt.Errorf("a length of %d bytes is more than the file can hold", size)
	}
	var b strings.Builder
	b.Grow(int(size))
	for left := int(size); left > 0; no = f.order.Uint32(f.page[bdbPageNext:]) {
		if err := f.readPage(f.page, no); err != nil {
			return "", err
		}
		if t := f.page[bdbPageType]; t != bdbTypeOverflow {
			return "", fmt.Errorf("page %d has type %d, where an overflow page is due", no, t)
		}
		n := int(f.order.Uint16(f.page[bdbPageHigh:]))
		if n == 0 || n > left || bdbPageHeader+n > len(f.page) {
			return "", fmt.Errorf("overflow page %d holds %d bytes, with %d to come", no, n, left)
		}
		b.Write(f.page[bdbPageHeader : bdbPageHeader+n])
		left -= n
	}
	return b.String(), nil
}
