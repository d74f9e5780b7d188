package agent

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"hikae/engine"
	"hikae/hosts"
)

// batchSize is about how many bytes of resources go out at once.
const batchSize = 64 << 10

func (ss *session) read(ctx context.Context, m message) error {
	var req readRequest
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	modules, err := ss.inScope(req.Scope)
	if err != nil {
		return err
	}
	if err := ss.useKey(req.HomeKey); err != nil {
		return err
	}
	keeper, keeps := ss.Host.(StampKeeper)
	if keeps && len(req.Stamps) > 0 {
		stamps, err := ss.vault.openStamps(req.Stamps)
		if err == nil {
			err = keeper.LoadStamps(stamps)
		}
		if err != nil {
			ss.log.Debug("stamps not used", "error", err)
		}
	}
	req.Scope.Vault = ss.vault
	denied := ss.withhold(&req.Scope)
	if err := ss.packagesRest(); err != nil {
		return err
	}

	res := readResult{Coverage: make(map[string]engine.Coverage)}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	// Modules wait for the disk and for programs as much as they compute.
	g.SetLimit(max(4, runtime.GOMAXPROCS(0)))
	for _, mod := range modules {
		g.Go(func() error {
			kind := mod.Schema().Kind
			cov, err := ss.readModule(gctx, mod, req.Scope, denied)
			if err != nil {
				return fmt.Errorf("cannot read %s resources: %w", kind, err)
			}
			mu.Lock()
			defer mu.Unlock()
			res.Coverage[kind] = cov
			return nil
		})
	}
	err = g.Wait()
	// What was read while packages came is what no host ever was.
	if rest := ss.packagesRest(); rest != nil {
		return rest
	}
	if err != nil {
		return err
	}
	if keeps && !req.Scope.Part() { // a part changes little of what they know
		stamps, err := keeper.SaveStamps()
		if err == nil {
			stamps, err = ss.vault.sealStamps(stamps)
		}
		if err != nil {
			ss.log.Warn("cannot hand out stamps; the next read will be slower", "error", err)
		}
		// They are a help, not a promise: what does not fit stays behind. So do
		// those that the client has.
		if len(stamps) < MaxMessage/2 && !bytes.Equal(stamps, req.Stamps) {
			res.Stamps = stamps
		}
	}
	if s, ok := ss.Host.(hosts.Stateful); ok {
		res.SystemState = s.SystemState(ctx)
	}
	return ss.l.sendValue(kindReadDone, res)
}

func (ss *session) readModule(ctx context.Context, mod engine.Module, scope engine.Scope, denied map[string]bool) (cov engine.Coverage, err error) {
	defer func() {
		if p := recover(); p != nil {
			ss.log.Error("module panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	s := mod.Schema()
	b := batch{ss: ss}
	found := make(map[string]bool) // of the denied: it came with what is read anyhow
	cov, err = mod.Read(ctx, ss.Host, scope, func(r engine.Resource) error {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if r.Addr.Kind != s.Kind {
			return fmt.Errorf("%s came from the module of %s", r.Addr, s.Kind)
		}
		ss.vault.ship(&r)
		if s.Node && denied[r.Addr.Name] {
			found[r.Addr.Name] = true
		}
		return b.add(&r)
	})
	if err == nil {
		err = b.flush()
	}
	for _, p := range slices.Sorted(maps.Keys(denied)) {
		if s.Node && !found[p] {
			cov.Holes = append(cov.Holes, engine.Hole{Path: p, Err: ss.notGiven(p).Error()})
		}
	}
	return cov, err
}

// withhold takes out of the scope of a read-only session the single files that
// the host does not give to it, and returns them. They are those that the
// client has met before, or that its overlays speak of; it can plan without.
func (ss *session) withhold(s *engine.Scope) map[string]bool {
	if !ss.ReadOnly {
		return nil
	}
	denied := make(map[string]bool)
	s.Files = slices.DeleteFunc(s.Files, func(p string) bool {
		if hosts.Within(p, ss.Paths) {
			return false
		}
		denied[p] = true
		return true
	})
	return denied
}

func (ss *session) notGiven(p string) error {
	return fmt.Errorf("%w: this host does not give %q to one who may only read (%s/%s): run hikae trust with a key that may change it", ErrReadOnly, p, TrustDir, pathsName)
}

// batch gathers the resources of one module.
type batch struct {
	ss  *session
	buf bytes.Buffer
}

func (b *batch) add(r *engine.Resource) error {
	w, err := b.ss.l.toWireResource(r)
	if err != nil {
		return fmt.Errorf("cannot send %q: %w", r.Addr, err)
	}
	if err := b.ss.l.append(&b.buf, wireFound{Addr: toWireAddr(r.Addr), Resource: *w}); err != nil {
		return err
	}
	if b.buf.Len() >= batchSize {
		return b.flush()
	}
	return nil
}

func (b *batch) flush() error {
	if b.buf.Len() == 0 {
		return nil
	}
	err := b.ss.l.send(kindResources, b.buf.Bytes())
	b.buf.Reset()
	return err
}

// inScope checks what was asked for and picks the modules.
func (ss *session) inScope(s engine.Scope) ([]engine.Module, error) {
	for _, p := range slices.Concat(s.Paths, s.Files, s.Only, s.Within) {
		if err := checkPath(p); err != nil {
			return nil, err
		}
	}
	for _, p := range slices.Concat(s.Only, s.Within) {
		if ss.ReadOnly && !hosts.Within(p, append([]string{"/etc"}, ss.Paths...)) {
			return nil, ss.notGiven(p)
		}
	}
	for _, p := range s.Paths {
		if ss.ReadOnly && !hosts.Within(p, ss.Paths) {
			return nil, ss.notGiven(p)
		}
	}
	for _, p := range s.HostOnly {
		if strings.Contains(p, "\x00") || len(p) > longestPath {
			return nil, protocolError("pattern %q", p)
		}
	}
	for _, k := range s.Kinds {
		if _, ok := ss.schemas[k]; !ok {
			return nil, fmt.Errorf("%w: this host knows no resources of kind %q", engine.ErrRefused, k)
		}
	}
	if len(s.Kinds) == 0 {
		return ss.Modules, nil
	}
	var out []engine.Module
	for _, m := range ss.Modules {
		if slices.Contains(s.Kinds, m.Schema().Kind) {
			out = append(out, m)
		}
	}
	return out, nil
}
