package hosts

import (
	"fmt"
	"io"
)

// ReadFile returns all bytes of a regular file of a host. One of more than
// limit bytes is an error, and never read in part.
func ReadFile(r Reader, path string, limit int64) ([]byte, error) {
	f, err := r.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("cannot read %s: it has more than %d bytes", path, limit)
	}
	return b, nil
}
