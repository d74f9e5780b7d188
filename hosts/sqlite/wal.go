package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Layout of a write-ahead log, from "WAL-mode File Format" and "Database File Format" §4. Numbers are big-endian, but the
// checksums' input is in the order that the magic number's last bit says.
const (
	walMagic      = 0x377f0682 // the last bit set: checksums over big-endian words
	walVersion    = 3007000
	walHeaderSize = 32

	// offsets in the header
	walHeadVersion  = 4
	walHeadPageSize = 8
	walHeadSalt     = 16 // 8 bytes
	walHeadChecksum = 24 // 8 bytes

	// a frame: its header, then the page
	walFrameHeader   = 24
	walFrameLast     = 4 // of a commit: the database's size in pages; 0 in other frames
	walFrameSalt     = 8 // 8 bytes
	walFrameChecksum = 16
)

// walRead is how many bytes of a log are read at a time.
const walRead = 128 << 10

// A wal is the part of a log that counts: the frames up to the last commit.
type wal struct {
	src      *io.SectionReader
	pageSize int
	lastPage uint32           // the database's size in pages after the last commit
	at       map[uint32]int64 // where the newest content of a page is
}

// openWAL indexes a log as sqlite's recovery does, without the shared-memory index: frames count as long as their salts are
// the header's and the running checksum fits, and up to the last commit among them. What follows is either a transaction
// that did not commit or left over from before the log was started anew. It returns nil when nothing counts.
func openWAL(src *io.SectionReader, pageSize int) (*wal, error) {
	if src.Size() < walHeaderSize {
		return nil, nil
	}
	head := make([]byte, walHeaderSize)
	if err := readAt(src, head, 0); err != nil {
		return nil, err
	}
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != walMagic {
		return nil, nil // so does sqlite: a log that was never begun
	}
	var sum checksum
	sum.bigEndian = magic&1 == 1
	sum.add(head[:walHeadChecksum])
	if !sum.equals(head[walHeadChecksum:]) {
		return nil, nil
	}
	if v := binary.BigEndian.Uint32(head[walHeadVersion:]); v != walVersion {
		return nil, fmt.Errorf("version %d of the format is not known", v)
	}
	if n := binary.BigEndian.Uint32(head[walHeadPageSize:]); int64(n) != int64(pageSize) {
		return nil, fmt.Errorf("its pages have %d bytes, and the database's %d", n, pageSize)
	}
	w := &wal{src: src, pageSize: pageSize, at: map[uint32]int64{}}
	salt := string(head[walHeadSalt:walHeadChecksum])
	pending := map[uint32]int64{} // of the transaction that has not committed yet
	frame := make([]byte, walFrameHeader+pageSize)
	frames := bufio.NewReaderSize(io.NewSectionReader(src, walHeaderSize, src.Size()-walHeaderSize), walRead)
	for off := int64(walHeaderSize); off+int64(len(frame)) <= src.Size(); off += int64(len(frame)) {
		if _, err := io.ReadFull(frames, frame); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the file is cut off after byte %d", off)
		} else if err != nil {
			return nil, err
		}
		if string(frame[walFrameSalt:walFrameChecksum]) != salt {
			break
		}
		sum.add(frame[:walFrameSalt])
		sum.add(frame[walFrameHeader:])
		if !sum.equals(frame[walFrameChecksum:]) {
			break
		}
		no := binary.BigEndian.Uint32(frame)
		if no == 0 {
			break
		}
		pending[no] = off + walFrameHeader
		if last := binary.BigEndian.Uint32(frame[walFrameLast:]); last != 0 {
			w.lastPage = last
			for no, off := range pending {
				w.at[no] = off
			}
			clear(pending)
		}
	}
	if w.lastPage == 0 {
		return nil, nil
	}
	return w, nil
}

// readPage reads page no into p if the log has it.
func (w *wal) readPage(p []byte, no uint32) (bool, error) {
	off, ok := w.at[no]
	if !ok {
		return false, nil
	}
	return true, readAt(w.src, p, off)
}

// page returns page no if the log has it.
func (w *wal) page(no uint32) ([]byte, bool, error) {
	p := make([]byte, w.pageSize)
	ok, err := w.readPage(p, no)
	return p, ok, err
}

// A checksum is the running sum over a log's header and frames.
type checksum struct {
	a, b      uint32
	bigEndian bool
}

// add takes in p, whose length is a multiple of 8.
func (c *checksum) add(p []byte) {
	a, b := c.a, c.b
	if c.bigEndian {
		for ; len(p) >= 8; p = p[8:] {
			a += binary.BigEndian.Uint32(p) + b
			b += binary.BigEndian.Uint32(p[4:]) + a
		}
	} else {
		for ; len(p) >= 8; p = p[8:] {
			a += binary.LittleEndian.Uint32(p) + b
			b += binary.LittleEndian.Uint32(p[4:]) + a
		}
	}
	c.a, c.b = a, b
}

func (c *checksum) equals(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == c.a && binary.BigEndian.Uint32(stored[4:]) == c.b
}
