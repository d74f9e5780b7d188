package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of the wire, in bytes.
const (
	MaxFrame   = 1 << 20  // payload of one frame
	MaxMessage = 16 << 20 // payload of a message that spans frames

	headerSize = 5
	chunkSize  = 256 << 10 // payload of a chunk as we send it
)

// kind says what a message is.
type kind byte

// The kinds. C: the client sends it, S: the server.
const (
	kindHello kind = 1 // CS hello
	kindPing  kind = 2 // CS empty, at any time
	kindFail  kind = 3 // S  wireError: the operation failed; the session goes on unless it was the Hello
	kindBye   kind = 4 // C  empty: the client is done

	kindRead      kind = 10 // C  readRequest
	kindResources kind = 11 // S  sequence of wireResource, any number of times
	kindReadDone  kind = 12 // S  readResult

	kindFetch     kind = 20 // C  fetchRequest
	kindBegin     kind = 21 // CS contentBegin, then chunks
	kindChunk     kind = 22 // CS raw bytes
	kindEnd       kind = 23 // CS contentEnd
	kindFetchDone kind = 24 // S  empty

	kindApply    kind = 30 // C  applyBegin
	kindChanges  kind = 31 // C  sequence of wireChange, any number of times
	kindPlanned  kind = 32 // C  empty: these were all
	kindLacks    kind = 33 // S  lacks: send these contents, in this order
	kindUploaded kind = 34 // C  empty: these were all; begin
	kindAbort    kind = 35 // C  empty, before kindUploaded: forget the apply
	kindEvent    kind = 36 // S  engine.ApplyEvent
	kindResult   kind = 37 // S  applyResult
	kindStop     kind = 38 // C  empty, while applying: begin nothing new

	kindLogin     kind = 40 // C  loginConfirm: this is the new login that an apply waits for
	kindLoginDone kind = 41 // S  empty

	kindTrust   kind = 50 // C  Trust: keep this on the host
	kindTrusted kind = 51 // S  empty: it is kept

	kindWatch     kind = 60 // C  WatchRequest
	kindSeen      kind = 61 // S  Watched, any number of times
	kindUnwatch   kind = 62 // C  empty, while watching: it is enough
	kindWatchDone kind = 63 // S  empty

	kindTree       kind = 80 // C  TreeRequest: this is the tree that what follows is about
	kindTreeOpen   kind = 81 // S  treeAnswer
	kindTreeAsk    kind = 82 // C  treeAsk
	kindTreeList   kind = 83 // S  treeListed, any number of times
	kindTreeStat   kind = 84 // S  sequence of treeStatus, one for each path
	kindTreeLinks  kind = 85 // S  sequence of lists of names, any number of times
	kindTreeAnswer kind = 86 // S  treeAnswer
	kindTreeFetch  kind = 87 // C  treeFetch
	kindTreeBegin  kind = 88 // S  treeBegin, then chunks and holes, or kindTreeEnd alone
	kindTreeHole   kind = 89 // CS treeHole
	kindTreeEnd    kind = 90 // CS contentEnd
	kindTreeSent   kind = 91 // S  empty: these were all
	kindTreeOp     kind = 92 // C  hosts.TreeOp, any number of times; where it makes a file, its content follows
	kindTreeDone   kind = 93 // C  empty: these were all
	kindTreeResult kind = 94 // S  treeResult
	kindTreeRun    kind = 95 // C  treeRun
	kindTreeRan    kind = 96 // S  empty
)

// more marks a frame whose message goes on in the next frame.
const more = 0x80

func putHeader(b []byte, k byte, n int) {
	binary.BigEndian.PutUint32(b, uint32(n)) // #nosec G115 -- n is at most MaxFrame
	b[4] = k
}

// message is one message as it was received.
type message struct {
	kind kind
	body []byte
}

// readMessage reads one message. buf, where it is large enough, becomes the
// body of a chunk. io.EOF means that the stream ended between messages.
func readMessage(r io.Reader, buf []byte) (message, error) {
	var m message
	for {
		k, n, err := readHeader(r)
		if err != nil {
			if errors.Is(err, io.EOF) && m.body != nil {
				err = io.ErrUnexpectedEOF
			}
			return message{}, err
		}
		goesOn := k&more != 0
		k &^= more
		switch {
		case m.body == nil:
			m.kind = kind(k)
		case m.kind != kind(k):
			return message{}, protocolError("frame of kind %d within a message of kind %d", k, m.kind)
		}
		if goesOn && (kind(k) == kindChunk || n == 0) {
			return message{}, protocolError("frame of kind %d and %d bytes goes on", k, n)
		}
		if len(m.body)+n > MaxMessage {
			return message{}, protocolError("message of kind %d is over %d bytes", k, MaxMessage)
		}
		at := len(m.body)
		switch {
		case kind(k) == kindChunk && n <= cap(buf):
			m.body = buf[:n]
		case at == 0:
			m.body = make([]byte, n)
		default:
			m.body = append(m.body, make([]byte, n)...)
		}
		if _, err := io.ReadFull(r, m.body[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return message{}, fmt.Errorf("cannot read frame: %w", err)
		}
		if !goesOn {
			return m, nil
		}
	}
}

func readHeader(r io.Reader) (k byte, n int, err error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, 0, io.EOF
		}
		return 0, 0, fmt.Errorf("cannot read frame: %w", err)
	}
	size := binary.BigEndian.Uint32(h[:])
	if size > MaxFrame {
		return 0, 0, protocolError("frame of %d bytes, at most %d are allowed", size, MaxFrame)
	}
	return h[4], int(size), nil
}

// writeMessage writes body as one frame or, where it is too long, several.
func writeMessage(w io.Writer, k kind, body []byte) error {
	if len(body) > MaxMessage {
		return fmt.Errorf("cannot send message of kind %d: %d bytes, at most %d are allowed", k, len(body), MaxMessage)
	}
	for {
		n, flag := len(body), byte(0)
		if n > MaxFrame {
			n, flag = MaxFrame, more
		}
		var h [headerSize]byte
		putHeader(h[:], byte(k)|flag, n)
		if _, err := w.Write(h[:]); err != nil {
			return err
		}
		if _, err := w.Write(body[:n]); err != nil {
			return err
		}
		if flag == 0 {
			return nil
		}
		body = body[n:]
	}
}
