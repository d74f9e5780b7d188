package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hikae/engine"
	"hikae/engine/lint"
	"hikae/engine/rules"
	"hikae/hosts"
)

// keepKeys has keys inside files stay as a host has them that follows another:
// see engine.Desired.Keep.
func (c *Controller) keepKeys(ctx context.Context, t Target, d *engine.Desired, s *session) (*engine.Desired, error) {
	if t.Source == "" || t.Source == t.Name {
		return d, nil
	}
	keys, err := rules.KeepWith(t.Keep)
	if err != nil {
		return nil, err
	}
	open := c.opener(ctx, d.Inline)
	var own lint.Own
	if source := d.Source(); source != nil {
		own = lint.OwnOf(source.Facts).Without(lint.OwnOf(s.actual.Facts))
	}
	out, err := d.Keep(s.actual, engine.Keeping{
		Rules: keys, Lenses: c.Lenses,
		Read:    func(cs []hosts.Content) (map[hosts.ID][]byte, error) { return c.bothTexts(ctx, s, cs, open) },
		Foreign: own.Alone,
		Name: func(path string, mode uint32, b []byte) hosts.Content {
			if rules.Secret(path, mode, b) {
				return hosts.Content{Size: int64(len(b)), ID: c.Keys.name(b), Sealed: true}
			}
			return hosts.Content{Size: int64(len(b)), ID: sha256.Sum256(b)}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot keep what is the host's own of the files of %s: %w", t.Name, err)
	}
	return out, nil
}

// bothTexts gives contents of the wish and of the host: from the store, or else
// from the host, all at once. What neither has is left out.
func (c *Controller) bothTexts(ctx context.Context, s *session, cs []hosts.Content, open func(hosts.Content) (io.ReadCloser, error)) (map[hosts.ID][]byte, error) {
	texts := map[hosts.ID][]byte{}
	var missing []hosts.Content
	for _, ct := range cs {
		if ct.Size > lensMax {
			continue
		}
		r, err := open(ct)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, ct)
			continue
		}
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		texts[ct.ID] = b
	}
	err := c.fetchOld(ctx, s, missing, func(ct hosts.Content, b []byte) error {
		texts[ct.ID] = b
		return nil
	})
	return texts, err
}
