package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"hikae/engine"
	"hikae/engine/lens/ini"
	"hikae/hosts"
)

// hookText is dnf's post-transaction action. dnf runs it with its locks held, so
// that whoever asked for packages then would wait for himself: it only touches a
// file, which is watched, and no more where hikae has gone.
const hookText = `# Written by hikae, to hear of it when packages have changed. dnf holds its locks
# while this runs: it touches a file, and does nothing else.
*:any:test ! -d ` + engine.StateDir + ` || touch ` + hosts.TransactionMark + `
`

const (
	hookName   = "hikae.action"
	pluginConf = "/etc/dnf/plugins/post-transaction-actions.conf"
	dnfConf    = "/etc/dnf/dnf.conf"
	pluginDir  = "/etc/dnf/plugins/post-transaction-actions.d"
	pluginFrom = "python3-dnf-plugin-post-transaction-actions"
)

// maxConf bounds a configuration of dnf's, in bytes.
const maxConf = 1 << 20

// InstallHook has dnf mark the end of each transaction on the host, which must
// have been read: hikae's action file is put there as any file is, and is part of
// the host's state from then on. changed is false where it was there. advice, for
// a person, says why it is not there, or what else would be good, and what to do; the
// watch of the rpm database sees transactions all the same, only not their end.
func (l *Live) InstallHook(ctx context.Context) (changed bool, advice string, err error) {
	dir, advice, err := l.hookDir(ctx)
	if err != nil {
		return false, "", fmt.Errorf("cannot tell whether dnf runs actions on %s: %w", l.t.Name, err)
	}
	if advice != "" {
		return false, l.t.Name + ": " + advice, nil
	}
	text := []byte(hookText)
	addr := engine.Addr{Kind: "file", Name: path.Join(dir, hookName)}
	want := &engine.Resource{Addr: addr, Node: &hosts.Node{
		Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root",
		Content: hosts.Content{Size: int64(len(text)), ID: sha256.Sum256(text)},
	}}
	if advice, err = l.adviseCache(ctx); err != nil {
		return false, "", err
	}
	have := l.file(addr.Name)
	if have != nil && have.Node.Equal(want.Node) {
		return false, advice, nil
	}
	if l.s.conn.ReadOnly() {
		return false, l.t.Name + ": hikae may only read here: install its package, which brings " + addr.Name, nil
	}
	ch := engine.Change{Addr: addr, Action: engine.Create, After: want}
	if have != nil {
		ch.Action, ch.Before = engine.Update, have
	}
	res, err := l.s.conn.Apply(ctx, engine.ApplyRequest{Stage: engine.StageConfig, Changes: []engine.Change{ch}, Holder: l.c.Holder},
		func(hosts.Content) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, func(engine.ApplyEvent) {})
	if err == nil && res.Err != "" {
		err = errors.New(res.Err)
	}
	if err != nil {
		return false, "", fmt.Errorf("cannot install dnf's action %s on %s: %w", addr.Name, l.t.Name, err)
	}
	_, err = l.Refresh(ctx, []hosts.Seen{{Path: addr.Name}}, nil)
	return true, advice, err
}

// adviseCache says what to do where dnf throws away what it has downloaded.
func (l *Live) adviseCache(ctx context.Context) (string, error) {
	keeps, err := l.setting(ctx, dnfConf, "keepcache")
	if err != nil || keeps != "" && !isOff(keeps) {
		return "", err
	}
	return l.t.Name + ": set keepcache=1 in " + dnfConf + ": a version that has left the repositories, or came from none, can be given to followers only from dnf's cache", nil
}

// hookDir is where dnf looks for actions, or why it runs none.
func (l *Live) hookDir(ctx context.Context) (dir, advice string, err error) {
	if l.file(dnfConf) == nil {
		return "", "dnf is not configured here (" + dnfConf + " is missing): packages are watched in the rpm database alone", nil
	}
	plugins, err := l.setting(ctx, dnfConf, "plugins")
	if err != nil {
		return "", "", err
	}
	if isOff(plugins) {
		return "", dnfConf + " says plugins=" + plugins + ", so dnf runs no actions: set it to 1, or packages are watched in the rpm database alone", nil
	}
	if l.file(pluginConf) == nil {
		return "", "dnf runs no actions here: install " + pluginFrom + ", or packages are watched in the rpm database alone", nil
	}
	enabled, err := l.setting(ctx, pluginConf, "enabled")
	if err != nil {
		return "", "", err
	}
	if isOff(enabled) {
		return "", pluginConf + " says enabled=" + enabled + ": set it to 1, or packages are watched in the rpm database alone", nil
	}
	if dir, err = l.setting(ctx, pluginConf, "actiondir"); err != nil {
		return "", "", err
	}
	if dir == "" {
		return pluginDir, "", nil
	}
	if dir = path.Clean(dir); !hosts.Within(dir, []string{"/etc"}) {
		return "", pluginConf + " has its actions in " + dir + ": set actiondir to a directory below /etc, or packages are watched in the rpm database alone", nil
	}
	return dir, "", nil
}

// setting is what the section [main] of a file of dnf's says, "" for nothing.
func (l *Live) setting(ctx context.Context, file, key string) (string, error) {
	b, err := l.bytes(ctx, file)
	if err != nil {
		return "", err
	}
	f, err := ini.Parse(b)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", file, err)
	}
	if n := ini.Last(b, ini.Named(f, "main"), key); n != nil {
		return ini.Value(n.Word(b, 1)), nil
	}
	return "", nil
}

// file is what stands at a path, nil for nothing.
func (l *Live) file(path string) *engine.Resource {
	r := l.s.actual.Resources[engine.Addr{Kind: "file", Name: path}]
	if r == nil || r.Node == nil || r.Node.Type == hosts.Absent {
		return nil
	}
	return r
}

// bytes fetches a file that was read, which is no secret.
func (l *Live) bytes(ctx context.Context, file string) ([]byte, error) {
	r := l.file(file)
	if r == nil || r.Node.Type != hosts.File || r.Node.Content.Sealed || r.Node.Content.Size > maxConf {
		return nil, fmt.Errorf("cannot read %s: it is no plain file of at most %d bytes", file, maxConf)
	}
	var b []byte
	err := l.s.conn.Fetch(ctx, []hosts.Content{r.Node.Content}, nil, func(_ hosts.Content, from io.Reader) error {
		var err error
		b, err = io.ReadAll(from)
		return err
	})
	return b, err
}

// isOff reads a boolean of dnf's: what it says nothing of is on.
func isOff(v string) bool {
	switch strings.ToLower(v) {
	case "0", "no", "false", "off":
		return true
	}
	return false
}
