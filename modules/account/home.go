package account

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

const skel = "/etc/skel"

// home is a directory to be made for a new account.
type home struct {
	path     string
	uid, gid string
}

// make fills the home from /etc/skel and gives it to its owner last. A home
// that is still root's was not finished; any other that is there is left alone.
func (hm home) make(ctx context.Context, h hosts.Host, job engine.Job) error {
	if !plainDir(hm.path) {
		return nil
	}
	switch parent, err := h.Stat(path.Dir(hm.path)); {
	case errors.Is(err, fs.ErrNotExist), err == nil && parent.Type != hosts.Dir:
		job.Progress(fmt.Sprintf("home %s is not made: there is no directory %s", hm.path, path.Dir(hm.path)))
		return nil
	case err != nil:
		return fmt.Errorf("cannot make home %s: %w", hm.path, err)
	}
	switch n, err := h.Stat(hm.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot make home %s: %w", hm.path, err)
	case !unfinished(n):
		return nil
	}
	node := hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}
	if err := h.Put(ctx, hm.path, node, nil); err != nil {
		return fmt.Errorf("cannot make home %s: %w", hm.path, err)
	}
	if err := hm.fill(ctx, h); err != nil {
		return fmt.Errorf("cannot fill home %s from %s: %w", hm.path, skel, err)
	}
	node.Owner, node.Group = hm.uid, hm.gid
	if err := h.Put(ctx, hm.path, node, nil); err != nil {
		return fmt.Errorf("cannot make home %s: %w", hm.path, err)
	}
	return nil
}

// unfinished recognises what make leaves when it is cut short.
func unfinished(n hosts.Node) bool {
	return n.Type == hosts.Dir && n.Mode == 0o700 && n.Owner == "root"
}

// plainDir keeps us from making or giving away what is no home.
func plainDir(p string) bool {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.Count(p, "/") < 2 {
		return false
	}
	system := []string{"/dev", "/proc", "/sys", "/run", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/tmp"}
	top := p[:1+strings.IndexByte(p[1:], '/')]
	return !slices.Contains(system, top)
}

func (hm home) fill(ctx context.Context, h hosts.Host) error {
	if _, err := h.Stat(skel); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var failed []error
	err := h.Walk(ctx, skel, func(p string, n hosts.Node) error {
		if p == skel || n.Type == hosts.Other {
			return nil
		}
		n.Owner, n.Group = hm.uid, hm.gid
		n.Mode &^= 0o6000 // a skeleton with set-id bits would hand them to everyone
		to := hm.path + strings.TrimPrefix(p, skel)
		if n.Type != hosts.File {
			return h.Put(ctx, to, n, nil)
		}
		f, err := h.Open(p)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		return h.Put(ctx, to, n, f)
	}, func(p string, err error) { failed = append(failed, fmt.Errorf("cannot read %s: %w", p, err)) })
	return errors.Join(append(failed, err)...)
}

// move gives a person's files from one id to another.
type move struct {
	user, home string
	from, to   string // as chown takes them: "1000", or ":1000" for the group
}

// run walks the home with chown, which changes what belongs to the old id and
// nothing else, and follows no links. The home itself comes last (chown works
// from the leaves up), so a walk that was cut short is begun again.
func (mv move) run(ctx context.Context, h hosts.Host) error {
	var dirs []string
	if n, err := h.Stat(mv.home); err == nil && n.Type == hosts.Dir && plainDir(mv.home) && n.Owner == mv.user {
		dirs = append(dirs, mv.home)
	}
	for _, spool := range []string{"/var/spool/mail/", "/var/spool/cron/"} {
		if n, err := h.Stat(spool + mv.user); err == nil && n.Type == hosts.File && n.Owner == mv.user {
			dirs = append(dirs, spool+mv.user)
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	argv := append([]string{"chown", "-hR", "--preserve-root", "--from=" + mv.from, mv.to, "--"}, dirs...)
	r, err := h.Run(ctx, hosts.Cmd{Argv: argv})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("chown: %s", strings.TrimSpace(string(r.Stderr)))
	}
	if err != nil {
		return fmt.Errorf("cannot give the files of %s from id %s to %s: %w", mv.user, mv.from, mv.to, err)
	}
	return nil
}
