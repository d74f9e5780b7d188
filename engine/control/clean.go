package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hikae/states"
)

// clean removes from the store what nothing names any more, once in a while: see
// states.Store's Clean. Contents are named by generations, which it knows; by the list
// of packages' files that are kept, and by how people merged files.
func (c *Controller) clean(ctx context.Context) error {
	var names strings.Builder
	hosts, err := c.Store.With(states.RPMs)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		kept, err := c.rpms(host)
		if err != nil {
			return err
		}
		for _, ct := range kept {
			fmt.Fprintln(&names, ct.ID)
		}
	}
	more := [][]byte{[]byte(names.String())}
	files, err := os.ReadDir(c.Resolved)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(c.Resolved, f.Name()))
		if err != nil {
			return err
		}
		more = append(more, text)
	}
	_, err = c.Store.Clean(ctx, time.Now(), more...)
	return err
}
