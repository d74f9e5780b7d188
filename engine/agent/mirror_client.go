package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"hikae/hosts"
)

// Tree is a data tree on the agent's host. A session has one at a time; its
// calls are the session's operations.
type Tree struct {
	c    *Client
	Root string
	// Opened is what was said of it when it was opened.
	Opened hosts.TreeInfo
}

// OpenTree has the agent open a tree. To write takes a session that may change
// the host; one that may only read has to have been given it (Trust).
func (c *Client) OpenTree(ctx context.Context, req TreeRequest) (*Tree, error) {
	t := &Tree{c: c, Root: req.Root}
	err := t.call(ctx, "open", func() error {
		if req.Write && c.ReadOnly() {
			return calledOff{fmt.Errorf("%w: log in with a key that may change the host", ErrReadOnly)}
		}
		if err := c.l.sendValue(kindTree, req); err != nil {
			return err
		}
		a, err := t.answer(ctx, kindTreeOpen)
		if err != nil {
			return err
		}
		if a.Info == nil {
			return protocolError("a tree without what it lies on")
		}
		t.Opened = *a.Info
		return nil
	})
	return t, err
}

// call runs an operation of the session.
func (t *Tree) call(ctx context.Context, what string, fn func() error) error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	defer t.c.during(ctx)()
	if err := t.c.end(fn()); err != nil {
		return fmt.Errorf("cannot %s the tree %s%s: %w", what, t.Root, t.c.at(), err)
	}
	return nil
}

func (t *Tree) answer(ctx context.Context, k kind) (treeAnswer, error) {
	var a treeAnswer
	m, err := t.c.recv(ctx, k)
	if err != nil {
		return a, err
	}
	return a, t.c.l.unmarshal(m.body, &a)
}

func (t *Tree) ask(ctx context.Context, what string, q treeAsk) (a treeAnswer, err error) {
	err = t.call(ctx, what, func() error {
		if err := t.c.l.sendValue(kindTreeAsk, q); err != nil {
			return err
		}
		a, err = t.answer(ctx, kindTreeAnswer)
		return err
	})
	return a, err
}

// Info says on what the tree lies now.
func (t *Tree) Info(ctx context.Context) (hosts.TreeInfo, error) {
	a, err := t.ask(ctx, "look at", treeAsk{Ask: askInfo})
	if err != nil || a.Info == nil {
		return hosts.TreeInfo{}, errors.Join(err, missing(err, a.Info == nil))
	}
	return *a.Info, nil
}

func missing(err error, is bool) error {
	if err == nil && is {
		return protocolError("an answer without what was asked for")
	}
	return nil
}

// Sum reads all at and below a path.
func (t *Tree) Sum(ctx context.Context, path string) (hosts.TreeSum, error) {
	a, err := t.ask(ctx, "read", treeAsk{Ask: askSum, Paths: []string{path}})
	if err != nil {
		return hosts.TreeSum{}, err
	}
	if len(a.Sums) != 1 || len(a.Sums[0].Digest) != len(hosts.ID{}) {
		return hosts.TreeSum{}, protocolError("%d sums where one is wanted", len(a.Sums))
	}
	return a.Sums[0], checkHoles(a.Sums[0].Holes)
}

// Room is how many bytes can be brought to a tree that is written.
func (t *Tree) Room(ctx context.Context) (int64, error) {
	a, err := t.ask(ctx, "look at", treeAsk{Ask: askRoom})
	return a.Room, err
}

// Note has all of the tree known as brought, but what is at or below the paths.
func (t *Tree) Note(ctx context.Context, but []string) error {
	_, err := t.ask(ctx, "note what is in", treeAsk{Ask: askNote, Paths: but})
	return err
}

// Status is what stands at a path of a tree.
type Status struct {
	Entry *hosts.TreeEntry // nil: nothing, or unknown where there is an Err
	Err   error
}

// Stat tells what is at paths, in their order. With hash, files come with it.
func (t *Tree) Stat(ctx context.Context, paths []string, hash bool) ([]Status, error) {
	all, left := make([]Status, 0, len(paths)), mostStatus
	for len(paths) > 0 {
		n := asked(paths)
		part := paths[:n]
		paths = paths[n:]
		err := t.call(ctx, "look at", func() error { return t.stat(ctx, part, hash, &all, &left) })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t *Tree) stat(ctx context.Context, paths []string, hash bool, all *[]Status, left *int) error {
	if err := t.c.l.sendValue(kindTreeAsk, treeAsk{Ask: askStat, Paths: paths, Deep: hash}); err != nil {
		return err
	}
	i := 0
	for {
		m, err := t.c.recv(ctx, kindTreeStat, kindTreeAnswer)
		if err != nil {
			return err
		}
		if m.kind == kindTreeAnswer {
			if i != len(paths) {
				return protocolError("the status of %d paths, of %d asked for", i, len(paths))
			}
			return nil
		}
		err = sequence(t.c.l.codec, m.body, func(s *treeStatus) error {
			if i++; i > len(paths) {
				return protocolError("the status of more paths than were asked for")
			}
			if e := s.Entry; e != nil {
				if err := checkEntry(e); err != nil {
					return err
				}
				if e.Path != paths[i-1] {
					return protocolError("the status of %q where %q was asked for", e.Path, paths[i-1])
				}
				if *left -= e.Weight(); *left < 0 {
					return protocolError("the attributes of %d paths are over %d bytes", len(*all)+1, mostStatus)
				}
			}
			*all = append(*all, Status{Entry: s.Entry, Err: s.Err.err()})
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// Fetch gets files, in their order, and calls each with the place of one in
// paths, with its size and time as it was opened, and its content, which each
// reads or leaves. Where a file cannot be had, the content gives the error:
// fs.ErrNotExist, hosts.ErrTorn (unless torn: such will do), ... The content is
// good until each returns; an error of each ends the session.
func (t *Tree) Fetch(ctx context.Context, paths []string, torn bool, each func(i int, size, mtime int64, content hosts.TreeContent) error) error {
	if len(paths) > maxTreePaths {
		return fmt.Errorf("cannot fetch %d files at once: at most %d", len(paths), maxTreePaths)
	}
	return t.call(ctx, "fetch from", func() error {
		if err := t.c.l.sendValue(kindTreeFetch, treeFetch{Paths: paths, Torn: torn}); err != nil {
			return err
		}
		for i := range paths {
			if err := t.fetchOne(ctx, i, each); err != nil {
				return err
			}
		}
		_, err := t.c.recv(ctx, kindTreeSent)
		return err
	})
}

func (t *Tree) fetchOne(ctx context.Context, i int, each func(int, int64, int64, hosts.TreeContent) error) error {
	m, err := t.c.recv(ctx, kindTreeBegin, kindTreeEnd)
	if err != nil {
		return err
	}
	in := &treeContent{ctx: ctx, l: t.c.l}
	var b treeBegin
	if m.kind == kindTreeEnd { // it could not be opened
		if in.finish(m); in.lost {
			return in.end
		}
		if errors.Is(in.end, errTreeEnd) {
			return protocolError("a file without a beginning")
		}
	} else {
		if err := t.c.l.unmarshal(m.body, &b); err != nil {
			return err
		}
		if b.Index != uint(i) || b.Size < 0 { // #nosec G115 -- an index
			return protocolError("file %d of %d bytes where %d is wanted", b.Index, b.Size, i)
		}
		in.left = b.Size
	}
	if err := each(i, b.Size, b.MTime, in.read); err != nil {
		return err
	}
	return in.drain()
}

// Failure is a change that was not made, and why.
type Failure struct {
	Op  hosts.TreeOp
	Err error
}

// Changed is what became of changes.
type Changed struct {
	Failed []Failure
	// Pruned is the time of the newest of the old versions that went to make room;
	// zero where none did.
	Pruned time.Time
}

// Changes sends changes to a tree.
type Changes struct {
	t    *Tree
	sent []hosts.TreeOp
}

// Change makes the changes that send gives, in their order as far as one
// depends on another.
func (t *Tree) Change(ctx context.Context, send func(*Changes) error) (out Changed, err error) {
	err = t.call(ctx, "change", func() error {
		w := &Changes{t: t}
		if err := send(w); err != nil {
			return err
		}
		if err := t.c.l.send(kindTreeDone, nil); err != nil {
			return err
		}
		m, err := t.c.recv(ctx, kindTreeResult)
		if err != nil {
			return err
		}
		var r treeResult
		if err := t.c.l.unmarshal(m.body, &r); err != nil {
			return err
		}
		for _, f := range r.Failed {
			if f.Index >= uint(len(w.sent)) || f.Err == nil {
				return protocolError("change %d of %d failed", f.Index, len(w.sent))
			}
			out.Failed = append(out.Failed, Failure{Op: w.sent[f.Index], Err: f.Err.err()})
		}
		if r.Pruned != 0 {
			out.Pruned = time.Unix(r.Pruned, 0)
		}
		return nil
	})
	return out, err
}

// Do sends a change; content is that of a file that is made. What keeps content
// from it makes that change fail; the error of Do is the session's end.
func (w *Changes) Do(op hosts.TreeOp, content hosts.TreeContent) error {
	if err := checkOp(&op); err != nil {
		return err
	}
	w.sent = append(w.sent, op)
	l := w.t.c.l
	if err := l.queueValue(kindTreeOp, op); err != nil || !hasContent(&op) {
		return err
	}
	var lost error
	note := func(err error) error {
		lost = errors.Join(lost, err)
		return err
	}
	left := op.Entry.Content.Size
	var err error
	if content != nil {
		err = content(func(b []byte) error {
			if left -= int64(len(b)); left < 0 {
				return fs.ErrInvalid
			}
			return note(l.queue(kindChunk, b))
		}, func(n int64) error {
			if left -= n; left < 0 {
				return fs.ErrInvalid
			}
			return note(l.queueValue(kindTreeHole, treeHole{Size: n}))
		})
	}
	if lost != nil {
		return lost
	}
	return l.queueValue(kindTreeEnd, contentEnd{Err: toWire(err)})
}

// Arrived tells the host that data arrived: units are reloaded where they run,
// programs are run.
func (c *Client) Arrived(ctx context.Context, reload []string, run [][]string) error {
	t := &Tree{c: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.during(ctx)()
	err := func() error {
		if err := t.c.l.sendValue(kindTreeRun, treeRun{Reload: reload, Run: run}); err != nil {
			return err
		}
		_, err := c.recv(ctx, kindTreeRan)
		return err
	}()
	if err = c.end(err); err != nil {
		return fmt.Errorf("cannot tell of what arrived%s: %w", c.at(), err)
	}
	return nil
}
