package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hikae/hosts/rpmdb"
)

// packageCache keeps the rpmdb's content until the rpmdb changes.
type packageCache struct {
	mu    sync.Mutex
	stamp rpmdb.Stamp
	list  []*rpmdb.Package
}

// Packages implements hosts.Reader. The error wraps fs.ErrNotExist where there
// is no rpmdb. The packages are shared: they are not to be changed.
func (h *Host) Packages(ctx context.Context) ([]*rpmdb.Package, error) {
	c := &h.packages
	c.mu.Lock()
	defer c.mu.Unlock()
	db, err := rpmdb.Open(hostFS{h})
	if err != nil {
		return nil, err
	}
	stamp, err := db.Stamp()
	if err != nil {
		return nil, err
	}
	if c.list != nil && stamp == c.stamp {
		return c.list, nil
	}
	now := time.Now()
	if k, ok := h.stamps.get(stampOfDB(stamp.DB), now); ok && k.Fits == fitsDigests(stamp) {
		db.Checked(stamp)
	}
	c.list, c.stamp, err = db.Load(ctx)
	if err != nil {
		c.list = nil
		return nil, err
	}
	main, log := stampOfDB(c.stamp.DB), stampOfDB(c.stamp.Log)
	if main.settled(now) && (log == Stamp{} || log.settled(now)) {
		h.stamps.note(main, func(k *Digested) { k.Fits = fitsDigests(c.stamp) })
	}
	return c.list, nil
}

// fitsDigests names the answer that an rpmdb's headers were found to fit their
// digests.
func fitsDigests(s rpmdb.Stamp) fits { return fitsRule("rpmdb", fmt.Sprint(s)) }

func stampOfDB(s rpmdb.FileStamp) Stamp {
	return Stamp{Dev: s.Dev, Ino: s.Ino, Size: s.Size, MTime: s.MTime, CTime: s.CTime}
}
