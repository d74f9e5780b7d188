package packages

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cavaliergopher/cpio"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"hikae/hosts/rpmdb"
)

// Layout of an rpm file: rpm's docs/manual/format_v4.md. Numbers are
// big-endian.
const (
	leadSize    = 96
	leadMagic   = "\xed\xab\xee\xdb"
	headerMagic = "\x8e\xad\xe8\x01"
	headerIntro = 16        // magic, 4 reserved, number of entries, bytes of data
	indexEntry  = 16        // bytes of one entry
	maxHeader   = 256 << 20 // rpm's own limit, bytes
)

// maxWindow bounds the memory of unpacking, in bytes: rpm's zstd at its
// highest level needs 128 MiB.
const maxWindow = 128 << 20

// unpack calls fn for each regular file in an rpm file with its absolute path.
// The content is valid until fn returns. Names and sizes are as the file says:
// it must be one that was verified.
func unpack(r io.Reader, fn func(path string, size int64, content io.Reader) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	if _, err := skipHeaders(b); err != nil {
		return fmt.Errorf("cannot unpack the rpm file: %w", err)
	}
	payload, err := decompress(b)
	if err != nil {
		return fmt.Errorf("cannot unpack the rpm file: %w", err)
	}
	defer payload.Close() //nolint:errcheck // opened for reading
	archive := cpio.NewReader(payload)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot unpack the rpm file: %w", err)
		}
		if h.Mode&^cpio.ModePerm&^07000 != cpio.TypeReg {
			continue
		}
		path := "/" + strings.TrimPrefix(strings.TrimPrefix(h.Name, "."), "/")
		if err := fn(path, h.Size, archive); err != nil {
			return err
		}
	}
}

// skipHeaders reads up to the payload: the lead, the signature, which is
// padded to 8 bytes, and the header. It returns the header as rpmdb takes it.
func skipHeaders(r *bufio.Reader) (header string, err error) {
	lead := make([]byte, leadSize)
	if _, err := io.ReadFull(r, lead); err != nil {
		return "", err
	}
	if string(lead[:len(leadMagic)]) != leadMagic {
		return "", errors.New("it is none")
	}
	signature, err := readHeader(r)
	if err != nil {
		return "", err
	}
	if _, err := r.Discard(-len(signature) & 7); err != nil {
		return "", err
	}
	return readHeader(r)
}

func readHeader(r *bufio.Reader) (string, error) {
	intro := make([]byte, headerIntro)
	if _, err := io.ReadFull(r, intro); err != nil {
		return "", err
	}
	if string(intro[:len(headerMagic)]) != headerMagic {
		return "", errors.New("a header is missing")
	}
	size := int64(binary.BigEndian.Uint32(intro[8:]))*indexEntry + int64(binary.BigEndian.Uint32(intro[12:]))
	if size > maxHeader {
		return "", fmt.Errorf("a header of %d bytes is not possible", size)
	}
	var b strings.Builder // grows with what is there, whatever size says
	b.Write(intro[8:])
	if _, err := io.CopyN(&b, r, size); err != nil {
		return "", err
	}
	return b.String(), nil
}

// FileVersion reads an rpm file as far as its header and tells which package
// it holds, by the name and version that a resource made from it has. Native is
// the architecture of the host that it is for. Nothing is verified.
func FileVersion(r io.Reader, native string) (name string, v Version, err error) {
	header, err := skipHeaders(bufio.NewReader(r))
	if err != nil {
		return "", v, fmt.Errorf("cannot read the rpm file: %w", err)
	}
	p, err := rpmdb.ParseHeader(header)
	if err != nil {
		return "", v, fmt.Errorf("cannot read the rpm file: %w", err)
	}
	return label(p.Name, p.Arch, native), Version{p.EVR(), p.Arch}, nil
}

// decompress tells the payload's compression by its first bytes.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(6)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		d, err := xz.NewReader(r)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(d), nil
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return gzip.NewReader(r)
	case bytes.HasPrefix(magic, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(r)), nil
	case bytes.HasPrefix(magic, []byte("0707")):
		return io.NopCloser(r), nil
	}
	return nil, fmt.Errorf("its payload's compression is not known (it begins %x)", magic)
}
