package local

import "sync"

// openDirs keeps directories of a tree open while a batch of work is done on
// it, where one file after another lies in the same. Outside of a batch it
// keeps none.
type openDirs struct {
	mu    sync.Mutex
	batch int // how many are under way
	dirs  map[string]*openDir
}

type openDir struct {
	fd    dirFD
	users int
	stale bool // closed by its last user
}

// maxOpenDirs is how many are kept open at most.
const maxOpenDirs = 32

// Batch implements hosts.Tree. At its end the disk knows what was brought.
func (t *tree) Batch() (end func()) {
	t.mu.Lock()
	t.since = true
	t.mu.Unlock()
	o := &t.open
	o.mu.Lock()
	o.batch++
	o.mu.Unlock()
	return sync.OnceFunc(func() {
		o.mu.Lock()
		o.batch--
		last := o.batch == 0
		if last {
			o.drop()
		}
		o.mu.Unlock()
		if last && t.known != nil {
			if err := t.known.flush(); err != nil {
				t.h.log.Warn("a loss of power now would leave files of a mirror as the host's own", "tree", t.root, "error", err)
			}
		}
	})
}

// drop closes what nobody uses, and has the rest closed by who does. It needs mu.
func (o *openDirs) drop() {
	for _, d := range o.dirs {
		if d.stale = true; d.users == 0 {
			d.fd.Close()
		}
	}
	o.dirs = nil
}

// use opens a directory, or gives the one that is open. release gives it back.
func (t *tree) use(rel string) (d dirFD, release func(), err error) {
	o := &t.open
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.batch == 0 {
		d, err = t.dir(rel)
		return d, func() { d.Close() }, err
	}
	at := o.dirs[rel]
	if at == nil {
		if d, err = t.dir(rel); err != nil {
			return d, func() {}, err
		}
		if len(o.dirs) >= maxOpenDirs {
			o.drop()
		}
		if o.dirs == nil {
			o.dirs = map[string]*openDir{}
		}
		at = &openDir{fd: d}
		o.dirs[rel] = at
	}
	at.users++
	return at.fd, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if at.users--; at.users == 0 && at.stale {
			at.fd.Close()
		}
	}, nil
}

// changed forgets what is open: a directory was moved, removed or made.
func (t *tree) changed() {
	t.open.mu.Lock()
	defer t.open.mu.Unlock()
	t.open.drop()
}
