// Package blob keeps contents by name: written once, never changed. A backend
// (a directory, an SFTP server, Azure) is anything that passes blobtest.
package blob

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Store is a backend. Names are chosen by the caller: lower-case hexadecimal,
// with ".age" behind what is encrypted. Implementations are safe for
// concurrent use.
type Store interface {
	// Missing returns those of the names that the store does not have.
	Missing(ctx context.Context, names []string) ([]string, error)
	// Get opens a blob; fs.ErrNotExist where there is none.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// Put stores what r yields, whole or not at all. A name that is there
	// already is left as it is, and r is not read.
	Put(ctx context.Context, name string, r io.Reader) error
	// List calls fn for each name, in no order.
	List(ctx context.Context, fn func(name string, size int64) error) error
}

// The form of a name: so many digits, and what is behind them where it is encrypted.
const (
	NameLen = 64
	Sealed  = ".age"
)

// CheckName refuses names that could be taken for a path or an option.
func CheckName(name string) error {
	hex := strings.TrimSuffix(name, Sealed)
	if len(hex) != NameLen {
		return fmt.Errorf("cannot use blob name %q: want 64 hexadecimal digits", name)
	}
	for _, c := range []byte(hex) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("cannot use blob name %q: want 64 hexadecimal digits", name)
		}
	}
	return nil
}
