package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// openTree is the tree that a session is about.
type openTree struct {
	hosts.Tree
	write bool
}

// openTree opens the tree that the client names, where it may.
func (ss *session) openTree(m message) error {
	var req TreeRequest
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	if err := checkPath(req.Root); err != nil {
		return err
	}
	if req.Versions < 0 || req.KeepFree < 0 || req.KeepFree > 100 {
		return protocolError("versions for %d s, %d %% kept free", req.Versions, req.KeepFree)
	}
	ss.closeTree()
	if ss.ReadOnly && !hosts.Within(req.Root, ss.Paths) {
		return ss.notGiven(req.Root)
	}
	if req.Write && (ss.ReadOnly || ss.Applier == nil) {
		return fmt.Errorf("%w: %w: this session cannot change the host", ErrProtocol, ErrReadOnly)
	}
	if req.Write {
		if err := mayMirror(req.Root); err != nil {
			return err
		}
	}
	exclude, err := treeExclude(req.Exclude)
	if err != nil {
		return err
	}
	h, ok := ss.Host.(hosts.TreeHost)
	if !ok {
		return fmt.Errorf("%w: this host keeps no trees", engine.ErrRefused)
	}
	t, err := h.OpenTree(req.Root, hosts.TreeOptions{
		Exclude: exclude, Numbers: req.Numbers, Write: req.Write, Versions: req.Versions, KeepFree: req.KeepFree, Hash: req.Hash,
		Holder: req.Holder,
	})
	if err != nil {
		return err
	}
	ss.tree = &openTree{Tree: t, write: req.Write}
	info, err := t.Info()
	if err != nil {
		return err
	}
	return ss.l.sendValue(kindTreeOpen, treeAnswer{Info: &info})
}

func (ss *session) closeTree() {
	if ss.tree != nil {
		if err := ss.tree.Close(); err != nil {
			ss.log.Warn("cannot close a tree", "error", err)
		}
	}
	ss.tree = nil
}

// mayMirror refuses trees that are the system's own, or hikae's.
func mayMirror(root string) error {
	for _, own := range []string{"/etc", "/usr", "/boot", "/proc", "/sys", "/dev", "/run", "/bin", "/sbin", "/lib", "/lib64", "/var/lib/hikae", "/var/lib/rpm"} {
		if hosts.Within(root, []string{own}) || strings.HasPrefix(own, strings.TrimSuffix(root, "/")+"/") {
			return fmt.Errorf("%w: %s is or holds what is the host's own (%s): mirror the trees in it that are data", engine.ErrRefused, root, own)
		}
	}
	return nil
}

// onTree answers what is about the tree that is open.
func (ss *session) onTree(ctx context.Context, m message) error {
	if m.kind == kindTreeRun {
		return ss.treeRun(ctx, m)
	}
	if ss.tree == nil {
		return protocolError("message of kind %d without a tree", m.kind)
	}
	switch m.kind {
	case kindTreeAsk:
		return ss.treeAsk(ctx, m)
	case kindTreeFetch:
		return ss.treeFetch(ctx, m)
	}
	if !ss.tree.write {
		return fmt.Errorf("%w: %w: this tree was opened to be read", ErrProtocol, ErrReadOnly)
	}
	return ss.treeOps(ctx, m)
}

func (ss *session) treeAsk(ctx context.Context, m message) error {
	var req treeAsk
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	most := maxTreePaths
	if req.Ask == askNote {
		most = MaxNoted
	}
	if err := checkRels(req.Paths, most); err != nil {
		return err
	}
	var answer treeAnswer
	switch req.Ask {
	case askInfo:
		info, err := ss.tree.Info()
		if err != nil {
			return err
		}
		answer.Info = &info
	case askSum:
		for _, p := range req.Paths {
			sum, err := ss.tree.Sum(ctx, p)
			if err != nil {
				return err
			}
			answer.Sums = append(answer.Sums, sum)
		}
	case askList:
		if req.Deep != (req.Most > 0) {
			return protocolError("a list of %d entries at most", req.Most)
		}
		for _, p := range req.Paths {
			if err := ss.treeList(ctx, p, req.Deep, &req.Most); err != nil {
				return err
			}
		}
		answer.More = req.Most < 0
	case askStat:
		if err := ss.treeStat(ctx, req); err != nil {
			return err
		}
	case askLinks:
		if err := ss.treeLinks(); err != nil {
			return err
		}
	case askNote:
		if !ss.tree.write {
			return fmt.Errorf("%w: this tree was opened to be read", ErrProtocol)
		}
		if err := ss.tree.Note(ctx, req.Paths); err != nil {
			return err
		}
	case askRoom:
		room, err := ss.tree.Room()
		if err != nil {
			return err
		}
		answer.Room = room
	default:
		return protocolError("question %d about a tree", req.Ask)
	}
	return ss.l.sendValue(kindTreeAnswer, answer)
}

// treeList sends what is in a directory, with deep all below it, too, until left
// entries were sent: it is negative where there are more. That a directory cannot be
// read is part of the answer.
func (ss *session) treeList(ctx context.Context, dir string, deep bool, left *int) error {
	if *left < 0 {
		return nil
	}
	entries, holes, err := ss.tree.List(ctx, dir)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if deep {
		most := *left
		if *left -= len(entries); *left < 0 {
			entries = entries[:most]
		}
	}
	for rest := entries; ; {
		n := listed(rest)
		l := treeListed{Dir: dir, Entries: rest[:n], Err: toWire(err)}
		if rest = rest[n:]; len(rest) == 0 {
			l.Holes = holes
		}
		if err := ss.l.queueValue(kindTreeList, l); err != nil {
			return err
		}
		if len(rest) == 0 {
			break
		}
	}
	for i := range entries {
		if !deep || entries[i].Type != hosts.Dir {
			continue
		}
		if err := ss.treeList(ctx, entries[i].Path, true, left); err != nil {
			return err
		}
	}
	return nil
}

func (ss *session) treeStat(ctx context.Context, req treeAsk) error {
	var seq []byte
	for i, p := range req.Paths {
		var s treeStatus
		e, err := ss.tree.Stat(ctx, p, req.Deep)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			s.Entry = &e
		case errors.Is(err, hosts.ErrTreeGone): // what cannot be seen is not gone
			return err
		case !errors.Is(err, fs.ErrNotExist):
			s.Err = toWire(err)
		}
		b, err := ss.l.marshal(s)
		if err != nil {
			return err
		}
		seq = append(seq, b...)
		if len(seq) >= chunkSize || i == len(req.Paths)-1 {
			if err := ss.l.queue(kindTreeStat, seq); err != nil {
				return err
			}
			seq = seq[:0]
		}
	}
	return nil
}

func (ss *session) treeLinks() error {
	var seq []byte
	for _, names := range ss.tree.Links() {
		for first := true; first || len(names) > 1; first = false {
			n := max(asked(names), min(2, len(names)))
			b, err := ss.l.marshal(names[:n])
			if err != nil {
				return err
			}
			names = names[n-1:] // the next part begins with the last of this one
			if len(seq)+len(b) > chunkSize && len(seq) > 0 {
				if err := ss.l.queue(kindTreeLinks, seq); err != nil {
					return err
				}
				seq = seq[:0]
			}
			seq = append(seq, b...)
		}
	}
	return ss.l.queue(kindTreeLinks, seq)
}

// treeFetch sends files.
func (ss *session) treeFetch(ctx context.Context, m message) error {
	var req treeFetch
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	if err := checkRels(req.Paths, maxTreePaths); err != nil {
		return err
	}
	defer ss.tree.Batch()()
	buf := make([]byte, headerSize+chunkSize)
	for i, p := range req.Paths {
		var lost error // the session's end, not the file's
		note := func(err error) error {
			lost = errors.Join(lost, err)
			return err
		}
		err := ss.tree.Read(ctx, p, buf[headerSize:],
			func(e hosts.TreeEntry) error {
				return note(ss.l.queueValue(kindTreeBegin, treeBegin{Index: uint(i), Size: e.Content.Size, MTime: e.MTime})) // #nosec G115 -- an index
			},
			func(b []byte) error { return note(ss.l.sendChunk(buf[:headerSize+len(b)])) },
			func(n int64) error { return note(ss.l.queueValue(kindTreeHole, treeHole{Size: n})) })
		if lost != nil || ctx.Err() != nil {
			return errors.Join(lost, context.Cause(ctx))
		}
		if req.Torn && errors.Is(err, hosts.ErrTorn) {
			err = nil
		}
		if err := ss.l.queueValue(kindTreeEnd, contentEnd{Err: toWire(err)}); err != nil {
			return err
		}
	}
	return ss.l.send(kindTreeSent, nil)
}

// treeRun reloads units and runs programs: data arrived. A unit that does not
// run here is left alone.
func (ss *session) treeRun(ctx context.Context, m message) error {
	var req treeRun
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	if ss.ReadOnly || ss.Applier == nil {
		return fmt.Errorf("%w: %w: this session cannot change the host", ErrProtocol, ErrReadOnly)
	}
	cmds := req.Run
	for _, u := range req.Reload {
		if u == "" || strings.HasPrefix(u, "-") {
			return protocolError("unit %q", u)
		}
		cmds = append(cmds, []string{"systemctl", "try-reload-or-restart", u})
	}
	if len(cmds) > longestRun {
		return protocolError("%d programs at once", len(cmds))
	}
	var failed []error
	for _, argv := range cmds {
		if len(argv) == 0 || len(argv) > longestRun {
			return protocolError("a program of %d arguments", len(argv))
		}
		if err := ss.runArrived(ctx, argv, runMost); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", strings.Join(argv, " "), err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return ss.l.send(kindTreeRan, nil)
}

// runMost is how long a program may take that is told of what arrived: what does not
// end would keep all that comes after from coming.
const runMost = 10 * time.Minute

func (ss *session) runArrived(ctx context.Context, argv []string, most time.Duration) error {
	bound, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	res, err := ss.Host.Run(bound, hosts.Cmd{Argv: argv})
	switch {
	case err != nil && bound.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("it did not end within %v, and was ended: %w", most, err)
	case err == nil && res.Code != 0:
		return fmt.Errorf("exit %d: %s", res.Code, tailOf(res.Stderr))
	}
	return err
}

// tailOf is the end of what a program said.
func tailOf(b []byte) string {
	const most = 500
	s := strings.TrimSpace(string(b))
	return s[max(0, len(s)-most):]
}
