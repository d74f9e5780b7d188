package sqlite

import (
	"errors"
	"fmt"
)

// A Row is a row of a table as it is stored.
type Row string

// A Value is one column of a row.
type Value struct {
	data   string // a number's bytes are as stored: big-endian
	serial uint64 // what they are: §2.1
}

// IsNull tells whether there is no value, or whether it is the rowid.
func (v Value) IsNull() bool { return v.serial == 0 }

// IsBlob tells whether the value is bytes.
func (v Value) IsBlob() bool { return v.serial >= 12 && v.serial%2 == 0 }

// Bytes gives a text's or a blob's bytes, and "" for any other value.
func (v Value) Bytes() string {
	if v.serial < 12 {
		return ""
	}
	return v.data
}

// Int gives an integer, and 0 for any other value.
func (v Value) Int() int64 {
	switch {
	case v.serial == 9: // the constant 1; 8 is 0
		return 1
	case v.serial == 0 || v.serial > 6:
		return 0
	}
	var n int64
	if v.data[0] >= 0x80 {
		n = -1
	}
	for i := range len(v.data) {
		n = n<<8 | int64(v.data[i])
	}
	return n
}

// Columns gives the row's first n values: §2.1.
func (row Row) Columns(n int) ([]Value, error) {
	record := string(row)
	bad := errors.New("the row is damaged")
	hsize, at := varint(record)
	if at == 0 || hsize > uint64(len(record)) || hsize < uint64(at) { //nolint:gosec // a length
		return nil, bad
	}
	head, body := record[at:hsize], record[hsize:]
	cols := make([]Value, n)
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
		cols[i] = Value{body[:size], serial}
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
