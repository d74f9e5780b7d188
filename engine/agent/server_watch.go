package agent

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// WatchRequest is what a Watch is asked for.
type WatchRequest struct {
	// Scope is that of the Reads which follow what is told: /etc, its Paths and
	// Files, and what the modules of its Kinds look at beyond these.
	Scope engine.Scope `cbor:"1,keyasint"`
	// Trees are watched instead, where there are any: those of mirrors.
	Trees []hosts.WatchRoot `cbor:"2,keyasint,omitempty"`
}

// Watched is what a watch tells at once.
type Watched struct {
	hosts.WatchReport
	// Kinds are those, but for the files' own, whose resources may have changed.
	Kinds []string `cbor:"10,keyasint,omitempty"`
}

// maxSeen is how many paths one message tells of, and maxSeenBytes how long they are
// together.
const (
	maxSeen      = 5000
	maxSeenBytes = 1 << 20
)

// portion is how many of them go with one message.
func portion(all []hosts.Seen) int {
	n := 0
	for size := 0; n < min(len(all), maxSeen) && size < maxSeenBytes; n++ {
		size += len(all[n].Path) + len(all[n].From)
	}
	return n
}

// watch tells the client what changes. It returns when the client has had enough.
func (ss *session) watch(ctx context.Context, m message) error {
	var req WatchRequest
	if err := ss.l.unmarshal(m.body, &req); err != nil {
		return err
	}
	w, ok := ss.Host.(hosts.Watcher)
	if !ok {
		return fmt.Errorf("%w: this host cannot be watched", engine.ErrRefused)
	}
	roots, sources, err := ss.watchRoots(req)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- w.Watch(ctx, roots, func(r hosts.WatchReport) error {
			if len(r.Seen) > 0 && len(req.Trees) == 0 {
				// Read now, it would be the middle of a transaction. What else is seen
				// until its end is gathered.
				err := ss.untilPackagesRest(ctx, func(note string) error { return ss.tell(hosts.WatchReport{Notes: []string{note}}, nil) })
				if err != nil {
					return err
				}
			}
			return ss.tell(r, sources)
		})
	}()
	select {
	case err := <-done:
		if err == nil {
			err = errors.New("the watch ended by itself")
		}
		return fmt.Errorf("cannot watch: %w", err)
	case m := <-ss.l.in:
		cancel()
		<-done //nolint:errcheck // nothing is told after the end
		if m.kind != kindUnwatch || len(m.body) != 0 {
			return protocolError("message of kind %d during a watch", m.kind)
		}
		return ss.l.send(kindWatchDone, nil)
	case <-ctx.Done():
		<-done //nolint:errcheck // why it ended is known
		return context.Cause(ctx)
	}
}

// tell sends a report, in parts where it is long.
func (ss *session) tell(r hosts.WatchReport, sources map[string][]hosts.WatchRoot) error {
	for {
		part := Watched{WatchReport: r}
		n := portion(r.Seen)
		part.Seen, r.Seen = r.Seen[:n], r.Seen[n:]
		for kind, roots := range sources {
			if slices.ContainsFunc(part.Seen, func(s hosts.Seen) bool { return concerns(s, roots) }) {
				part.Kinds = append(part.Kinds, kind)
			}
		}
		slices.Sort(part.Kinds)
		if len(r.Seen) > 0 {
			part.Ready = false
		}
		if err := ss.l.sendValue(kindSeen, part); err != nil {
			return err
		}
		if len(r.Seen) == 0 {
			return nil
		}
		r.Notes = nil // said
	}
}

// concerns reports whether what was seen may be something at one of the roots.
func concerns(s hosts.Seen, roots []hosts.WatchRoot) bool {
	return slices.ContainsFunc(roots, func(r hosts.WatchRoot) bool {
		at := func(p string) bool {
			return p != "" && (p == r.Path || path.Dir(p) == r.Path || r.Tree && hosts.Within(p, []string{r.Path}))
		}
		return at(s.Path) || at(s.From) || s.Deep && hosts.Within(r.Path, []string{s.Path})
	})
}

// watchRoots lists what is to be watched, and what of it is whose.
func (ss *session) watchRoots(req WatchRequest) (roots []hosts.WatchRoot, sources map[string][]hosts.WatchRoot, err error) {
	if len(req.Trees) > 0 {
		for _, t := range req.Trees {
			if err := checkPath(t.Path); err != nil {
				return nil, nil, err
			}
			if ss.ReadOnly && !hosts.Within(t.Path, ss.Paths) {
				return nil, nil, ss.notGiven(t.Path)
			}
		}
		return req.Trees, nil, nil
	}
	modules, err := ss.inScope(req.Scope)
	if err != nil {
		return nil, nil, err
	}
	ss.withhold(&req.Scope)
	roots = []hosts.WatchRoot{{Path: "/etc", Tree: true}}
	for _, p := range req.Scope.Paths {
		roots = append(roots, hosts.WatchRoot{Path: p, Tree: true})
	}
	for _, p := range req.Scope.Files {
		roots = append(roots, hosts.WatchRoot{Path: p})
	}
	sources = map[string][]hosts.WatchRoot{}
	for _, m := range modules {
		s, ok := m.(engine.Sourced)
		if !ok {
			continue
		}
		for _, r := range s.Sources() {
			sources[m.Schema().Kind] = append(sources[m.Schema().Kind], r)
			roots = append(roots, r)
		}
	}
	return outermost(roots), sources, nil
}

// outermost leaves out the roots that lie in the tree of another.
func outermost(roots []hosts.WatchRoot) []hosts.WatchRoot {
	slices.SortFunc(roots, func(a, b hosts.WatchRoot) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 || a.Tree == b.Tree {
			return c
		}
		if a.Tree {
			return -1
		}
		return 1
	})
	var out []hosts.WatchRoot
	for _, r := range roots {
		if !slices.ContainsFunc(out, func(o hosts.WatchRoot) bool {
			return o.Path == r.Path || o.Tree && hosts.Within(r.Path, []string{o.Path})
		}) {
			out = append(out, r)
		}
	}
	return out
}
