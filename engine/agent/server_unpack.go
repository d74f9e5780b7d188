package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"hikae/engine"
	"hikae/hosts"
)

// maxUnpacked bounds what one fetch takes out of packages, in bytes: it is held
// in memory. A client with more asks again.
const maxUnpacked = 16 << 20

// unpacked is what packages had of the contents of a fetch.
type unpacked struct {
	want  []engine.Shipped
	bytes map[hosts.ID][]byte
	err   error // why something is missing
}

func (u unpacked) asked(c hosts.Content) bool {
	return slices.ContainsFunc(u.want, func(s engine.Shipped) bool { return s.Content == c })
}

// unpack gets what packages alone have of some contents: what they installed
// where files were edited since. It takes a download at worst, so it is done
// once for all. In a read-only session nothing is downloaded.
func (ss *session) unpack(ctx context.Context, contents []hosts.Content) unpacked {
	u := unpacked{want: ss.vault.lacks(contents), bytes: make(map[hosts.ID][]byte)}
	if len(u.want) == 0 {
		return u
	}
	i := slices.IndexFunc(ss.Modules, func(m engine.Module) bool { _, ok := m.(engine.Unpacker); return ok })
	if i < 0 {
		u.err = errors.New("this agent knows no packages")
		return u
	}
	var h hosts.Host
	if !ss.ReadOnly {
		h = ss.Host
	}
	total := 0
	u.err = ss.Modules[i].(engine.Unpacker).Unpack(ctx, ss.Host, h, u.want, func(s engine.Shipped, b []byte) error {
		if int64(len(b)) != s.Content.Size || hosts.ID(sha256.Sum256(b)) != s.Content.ID {
			return fmt.Errorf("%w: %s in package %s is not what the rpm database says", ErrChanged, s.Path, s.Package)
		}
		if total += len(b); total > maxUnpacked {
			return fmt.Errorf("%w: over %d MiB at once", engine.ErrRefused, maxUnpacked>>20)
		}
		u.bytes[s.Content.ID] = b
		return nil
	})
	return u
}
