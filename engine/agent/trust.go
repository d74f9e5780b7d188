package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// Trust is what a host itself says of who may learn what of it, in TrustDir.
// Whoever holds a key that is bound to a read-only agent can choose none of it.
type Trust struct {
	HomeKey    []byte   `cbor:"1,keyasint,omitempty"` // names the host's secrets
	Recipients []string `cbor:"2,keyasint,omitempty"` // whom they are sealed to: age or SSH public keys
	Paths      []string `cbor:"3,keyasint,omitempty"` // the trees and files beyond /etc that a read-only session may ask for
}

// TrustDir is where a host keeps its Trust: three files that only root can
// write, and that no snapshot holds and no apply touches (rules.HostOnlyPaths).
const TrustDir = "/etc/hikae"

const (
	homeKeyName    = "home.key"   // 0600, 64 hexadecimal digits
	recipientsName = "recipients" // one a line
	pathsName      = "paths"      // one a line, quoted as Go does where it is odd
)

// A home key's length in bytes.
const shortestKey, longestKey = 16, 64

// maxTrust bounds the entries of each list.
const maxTrust = 1000

// LoadTrust reads what a host says; nothing where it says nothing. Files that
// others than root can write, or a key that others can read, are refused.
func LoadTrust(r hosts.Reader) (Trust, error) {
	var t Trust
	dir, err := r.Stat(TrustDir)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("cannot read %s: %w", TrustDir, err)
	}
	if dir.Type != hosts.Dir || dir.Owner != "root" || dir.Mode&0o022 != 0 {
		return t, fmt.Errorf("cannot use %s: it must be a directory that only root can write (chown root:root, chmod 0700)", TrustDir)
	}
	text, err := trustFile(r, homeKeyName, 0o077)
	if err != nil {
		return t, err
	}
	if t.HomeKey, err = hex.DecodeString(strings.TrimSpace(text)); err != nil {
		return Trust{}, fmt.Errorf("cannot read %s/%s: want hexadecimal digits", TrustDir, homeKeyName) // not what is there
	}
	for name, list := range map[string]*[]string{recipientsName: &t.Recipients, pathsName: &t.Paths} {
		text, err := trustFile(r, name, 0o022)
		if err != nil {
			return t, err
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if name == pathsName && line[0] == '"' {
				if _, err := fmt.Sscanf(line, "%q", &line); err != nil {
					return t, fmt.Errorf("cannot read %s/%s: %s: %w", TrustDir, name, line, err)
				}
			}
			*list = append(*list, line)
		}
	}
	if err := t.check(); err != nil {
		return t, fmt.Errorf("cannot use %s: %w", TrustDir, err)
	}
	return t, nil
}

// trustFile reads one of the files; "" where it is not there.
func trustFile(r hosts.Reader, name string, forbidden uint32) (string, error) {
	path := TrustDir + "/" + name
	n, err := r.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	if n.Type != hosts.File || n.Owner != "root" || n.Mode&forbidden != 0 {
		return "", fmt.Errorf("cannot use %s: it must be a file of root's with none of the mode bits %04o (it is of %s, %04o)", path, forbidden, n.Owner, n.Mode)
	}
	b, err := hosts.ReadFile(r, path, 1<<20)
	return string(b), err
}

// check refuses what cannot be meant.
func (t *Trust) check() error {
	if n := len(t.HomeKey); n != 0 && (n < shortestKey || n > longestKey) {
		return fmt.Errorf("home key of %d bytes, want %d to %d", n, shortestKey, longestKey)
	}
	if len(t.Recipients) > maxTrust || len(t.Paths) > maxTrust {
		return fmt.Errorf("more than %d recipients or paths", maxTrust)
	}
	for _, r := range t.Recipients {
		if strings.ContainsAny(r, "\r\n\x00") {
			return fmt.Errorf("recipient %q", r)
		}
		if _, err := parseRecipient(r); err != nil {
			return fmt.Errorf("recipient %q: %w", r, err)
		}
	}
	for _, p := range t.Paths {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	return nil
}

// keep writes t to the host. Another home key than the host's is refused: what
// its snapshots name would have no name any more.
func (t *Trust) keep(ctx context.Context, h hosts.Host) error {
	old, err := LoadTrust(h)
	if err != nil {
		return err
	}
	if len(old.HomeKey) > 0 && !hmac.Equal(old.HomeKey, t.HomeKey) {
		return fmt.Errorf("%w: the host has another home key: it belongs to another project; if it is to be this one's, remove %s/%s there first", engine.ErrRefused, TrustDir, homeKeyName)
	}
	var recipients, paths strings.Builder
	recipients.WriteString("# Whom hikae seals this host's secrets to: written by hikae trust.\n")
	for _, r := range t.Recipients {
		recipients.WriteString(r + "\n")
	}
	paths.WriteString("# What a read-only session may ask for beyond /etc: written by hikae trust.\n")
	for _, p := range t.Paths {
		_, _ = fmt.Fprintf(&paths, "%q\n", p)
	}
	if err := h.Put(ctx, TrustDir, hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil); err != nil {
		return err
	}
	for _, f := range []struct {
		name, text string
		mode       uint32
	}{
		{homeKeyName, hex.EncodeToString(t.HomeKey) + "\n", 0o600},
		{recipientsName, recipients.String(), 0o644},
		{pathsName, paths.String(), 0o644},
	} {
		n := hosts.Node{Type: hosts.File, Mode: f.mode, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(len(f.text))}}
		if err := h.Put(ctx, TrustDir+"/"+f.name, n, strings.NewReader(f.text)); err != nil {
			return err
		}
	}
	return nil
}

// trust keeps what the client says on the host.
func (ss *session) trust(ctx context.Context, m message) error {
	if ss.ReadOnly || ss.Applier == nil {
		return fmt.Errorf("%w: %w: this session cannot change the host", ErrProtocol, ErrReadOnly)
	}
	var t Trust
	if err := ss.l.unmarshal(m.body, &t); err != nil {
		return err
	}
	if len(t.HomeKey) == 0 || len(t.Recipients) == 0 {
		return protocolError("trust without a key or without recipients")
	}
	if err := t.check(); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	if err := t.keep(ctx, ss.Host); err != nil {
		return err
	}
	ss.Trust = t
	ss.vault.key = bytes.Clone(t.HomeKey)
	return ss.l.send(kindTrusted, nil)
}

// Trust has the host keep what its read-only sessions go by.
func (c *Client) Trust(ctx context.Context, t Trust) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.during(ctx)()
	err := func() error {
		if c.ReadOnly() {
			return calledOff{fmt.Errorf("%w: log in with a key that may change the host", ErrReadOnly)}
		}
		if err := c.l.sendValue(kindTrust, t); err != nil {
			return err
		}
		_, err := c.recv(ctx, kindTrusted)
		return err
	}()
	if err = c.end(err); err != nil {
		return fmt.Errorf("cannot keep the keys%s: %w", c.at(), err)
	}
	c.homeKey = slices.Clone(t.HomeKey)
	return nil
}

// keyCheck tells whether two sides hold the same home key, and nothing else
// about it.
func keyCheck(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("hikae: which home key is this"))
	return h.Sum(nil)
}

// sameKey refuses a read-only agent that names secrets by another key.
func (c *Client) sameKey() error {
	const fix = "run hikae trust with a key that may change the host"
	switch {
	case len(c.homeKey) == 0:
		return nil // nothing here goes by it
	case len(c.agent.HomeKey) == 0:
		return fmt.Errorf("%w: the host holds no home key to name its secrets by (%s): %s", engine.ErrRefused, TrustDir, fix)
	case !hmac.Equal(c.agent.HomeKey, keyCheck(c.homeKey)):
		return fmt.Errorf("%w: the host names its secrets by another home key than this project's (%s): %s", engine.ErrRefused, TrustDir, fix)
	}
	return nil
}
