package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
	"hikae/states"
)

// askAgain is how long a content that no package had is not asked for again:
// each time costs the host a look at its repositories.
const askAgain = time.Hour

// keepPristine brings into the store what packages installed where files were
// edited since: patches show against it, and other versions' files are merged
// by it. It is asked for while the host still has the packages; that of files
// which are as installed comes with them. What cannot be had is no error.
func (c *Controller) keepPristine(ctx context.Context, s *session, t Target) (notes []string, err error) {
	var want []hosts.Content
	paths := map[hosts.ID]string{}
	for _, a := range slices.SortedFunc(maps.Keys(s.actual.Resources), engine.Addr.Compare) {
		if ct, ok := editedPristine(s.actual.Resources[a]); ok {
			want = append(want, ct)
			paths[ct.ID] = a.Name
		}
	}
	failed, err := c.keepShipped(ctx, s, t.Name, want)
	if err != nil || len(failed) == 0 {
		return nil, err
	}
	for _, ct := range want {
		why := failed[ct.ID]
		if why == nil {
			continue
		}
		var one *agent.ContentError
		if errors.As(why, &one) {
			why = one.Err
		}
		return []string{fmt.Sprintf("%d edited files have no patch and cannot be merged with other versions, for what their packages installed is not to be had: %s: %v", len(failed), paths[ct.ID], why)}, nil
	}
	return nil, nil
}

// shippedBatch is how many bytes of packages' files are asked for at once; the
// agent holds them in memory.
const shippedBatch = 8 << 20

// keepShipped brings into the store what a host's packages installed, and says
// of what it cannot why. Files that are still so have it; else it costs the
// host a look at its repositories, so what was asked for in vain is not asked
// for again for a while.
func (c *Controller) keepShipped(ctx context.Context, s *session, host string, contents []hosts.Content) (failed map[hosts.ID]error, err error) {
	failed = map[hosts.ID]error{}
	tried, err := c.triedInVain(host)
	if err != nil {
		return nil, err
	}
	atHand := map[hosts.ID]bool{}
	for _, r := range s.actual.Resources {
		if r.IsPristine() {
			atHand[r.Node.Content.ID] = true
		}
	}
	ask := slices.DeleteFunc(slices.Clone(contents), func(ct hosts.Content) bool {
		if at := tried[ct.ID]; !atHand[ct.ID] && time.Since(at) < askAgain {
			missing, err := c.Store.Blobs.Missing(ctx, []string{blobName(ct)})
			if err == nil && len(missing) > 0 {
				failed[ct.ID] = fmt.Errorf("no package file had it at %s; it is asked for again an hour later", at.UTC().Format(time.RFC3339))
			}
			return true
		}
		return false
	})
	news := 0
	for len(ask) > 0 {
		n, size := 0, int64(0)
		for n < len(ask) && (n == 0 || size+ask[n].Size <= shippedBatch) {
			size += ask[n].Size
			n++
		}
		some, err := c.keepContents(ctx, s.conn, host, ask[:n])
		if err != nil {
			return nil, err
		}
		maps.Copy(failed, some)
		for id, why := range some {
			if !errors.Is(why, engine.ErrLocked) { // dnf is busy, and may well have it
				tried[id], news = now(), news+1
			}
		}
		ask = ask[n:]
	}
	if news == 0 {
		return failed, nil
	}
	var text strings.Builder
	for id, at := range tried {
		if time.Since(at) < askAgain {
			fmt.Fprintf(&text, "%s %d\n", id, at.Unix())
		}
	}
	return failed, c.Store.Set(states.Pristine, host, []byte(text.String()))
}

// triedInVain reads when which contents were asked for in vain.
func (c *Controller) triedInVain(host string) (map[hosts.ID]time.Time, error) {
	raw, err := c.Store.Get(states.Pristine, host)
	if err != nil {
		return nil, err
	}
	out := map[hosts.ID]time.Time{}
	for line := range strings.Lines(string(raw)) {
		var id string
		var at int64
		if _, err := fmt.Sscanf(line, "%s %d", &id, &at); err != nil {
			continue // it costs no more than another look
		}
		if parsed, err := hosts.ParseID(id); err == nil {
			out[parsed] = time.Unix(at, 0)
		}
	}
	return out, nil
}

// editedPristine is what its package installed in place of a file that is
// something else now. Programs are none that anybody merges.
func editedPristine(r *engine.Resource) (hosts.Content, bool) {
	n, p := r.Node, r.Pristine
	if r.Addr.Kind != "file" || n == nil || p == nil || n.Type != hosts.File || p.Type != hosts.File ||
		p.Content == n.Content || p.Content.ID.IsZero() || p.Content.Size > engine.MaxShipped || strings.HasPrefix(r.Addr.Name, "/usr/") {
		return hosts.Content{}, false
	}
	return p.Content, true
}

// fetchPristine brings into the store what the host's packages installed, where
// a file that is something else there now is to be that again.
func (a *applying) fetchPristine(ctx context.Context, cs []engine.Change) error {
	var want []hosts.Content
	for _, ch := range cs {
		have := a.p.session.actual.Resources[ch.Addr]
		if ch.After == nil || ch.After.Node == nil || have == nil || have.Pristine == nil || ch.After.Node.Type != hosts.File ||
			ch.After.Node.Content != have.Pristine.Content || have.Node.Content == have.Pristine.Content {
			continue
		}
		if _, inline := a.p.Desired.Inline[have.Pristine.Content.ID]; !inline {
			want = append(want, have.Pristine.Content)
		}
	}
	failed, err := a.c.keepShipped(ctx, a.p.session, a.p.Target.Name, want)
	for _, why := range failed {
		err = errors.Join(err, why)
	}
	return err
}
