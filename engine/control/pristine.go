package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/hosts"
	"hikae/states"
)

// askAgain is how long a content that no package had is not asked for again:
// each time costs the host a look at its repositories.
const askAgain = 24 * time.Hour

// keepPristine brings into the store what packages installed where files were
// edited since: patches show against it, and other versions' files are merged
// by it. It is asked for while the host still has the packages; that of files
// which are as installed comes with them. What cannot be had is no error.
func (c *Controller) keepPristine(ctx context.Context, s *session, t Target) (notes []string, err error) {
	tried, err := c.triedInVain(t.Name)
	if err != nil {
		return nil, err
	}
	var want []hosts.Content
	paths := map[hosts.ID]string{}
	for _, r := range s.actual.Resources {
		ct, ok := editedPristine(r)
		if !ok || time.Since(tried[ct.ID]) < askAgain {
			continue
		}
		want = append(want, ct)
		paths[ct.ID] = r.Addr.Name
	}
	failed, err := c.keepContents(ctx, s.conn, t.Name, want)
	if err != nil || len(failed) == 0 {
		return nil, err
	}
	var text strings.Builder
	for id, why := range failed {
		fmt.Fprintf(&text, "%s %d\n", id, now().Unix())
		if len(notes) == 0 {
			var one *agent.ContentError
			if errors.As(why, &one) {
				why = one.Err
			}
			notes = append(notes, fmt.Sprintf("%d edited files have no patch and cannot be merged with other versions, for what their packages installed is not to be had: %s: %v", len(failed), paths[id], why))
		}
	}
	return notes, c.Store.Set(states.Pristine, t.Name, []byte(text.String()))
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
