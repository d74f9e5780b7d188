package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/fcontext"
)

// Labels implements hosts.Reader. No program is run for it, but where a rule of
// the policy is beyond fcontext: then matchpathcon(8) is asked about the paths
// that it might be for.
//
// The SELinux user is not compared: it says who made a file, not what it is,
// and restorecon(8) leaves it alone as well. What has gone since is left out.
func (h *Host) Labels(ctx context.Context, paths []string) (map[string]string, error) {
	policy, err := h.policy()
	if err != nil || policy == nil {
		return nil, err
	}
	var mu sync.Mutex
	odd := map[string]string{}
	unsure := map[string]string{} // what they have, where the policy could not be read
	err = inParallel(slices.Collect(slices.Chunk(paths, labelBatch)), func(batch []string) error {
		someOdd, someUnsure, err := h.compareLabels(ctx, policy, batch)
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(odd, someOdd)
		maps.Copy(unsure, someUnsure)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(unsure) == 0 {
		return odd, nil
	}
	wants, err := h.matchpathcon(ctx, unsure)
	if err != nil {
		return nil, err
	}
	for p, has := range unsure {
		noteOdd(odd, p, has, wants[p])
	}
	return odd, nil
}

// labelBatch is how many paths one goroutine compares at a time.
const labelBatch = 512

func (h *Host) compareLabels(ctx context.Context, policy *policy, paths []string) (odd, unsure map[string]string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	odd, unsure = map[string]string{}, map[string]string{}
	dir := openedDir{h: h}
	defer dir.close()
	for _, p := range paths {
		has, mode, noted, err := dir.label(p, policy.rule)
		if noted {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read SELinux label: %w", err)
		}
		want, err := policy.lookup(p, mode)
		if errors.Is(err, fcontext.ErrExpression) {
			unsure[p] = has
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if !noteOdd(odd, p, has, want) {
			dir.fits(p, policy.rule)
		}
	}
	return odd, unsure, nil
}

func noteOdd(odd map[string]string, p, has, want string) bool {
	is := want != fcontext.None && !fcontext.SameButUser(has, want)
	if is {
		odd[p] = has
	}
	return is
}

// openedDir keeps the directory of the last path open: callers ask for one
// directory's files in a row.
type openedDir struct {
	h     *Host
	path  string
	fd    dirFD
	stamp Stamp // of the last path; zero where that is not settled
}

func (o *openedDir) close() {
	if o.path != "" {
		o.fd.Close()
	}
	o.path = ""
}

// label gives the context that path has, Unlabeled for none, and its type; or
// that it is known to have the one that the rule wants.
func (o *openedDir) label(p, rule string) (label string, mode fs.FileMode, fits bool, err error) {
	dir, name := path.Split(p)
	if dir != o.path || name == "" {
		o.close()
		fd, _, err := o.h.parent("getxattr", p)
		if err != nil {
			return "", 0, false, err
		}
		o.path, o.fd = dir, fd
	}
	if name == "" {
		name = "."
	}
	st, err := o.fd.statx(name)
	if err != nil {
		return "", 0, false, &fs.PathError{Op: "stat", Path: p, Err: err}
	}
	o.stamp = stampOf(st)
	if o.h.labelFits(o.stamp, fitsRule(rule, p), o.fd, name) {
		return "", 0, true, nil
	}
	if !o.stamp.settled(time.Now()) {
		o.stamp = Stamp{}
	}
	if label, err = getLabel(o.fd, name); err != nil {
		return "", 0, false, &fs.PathError{Op: "getxattr", Path: p, Err: err}
	}
	return label, fileMode(st.Mode), false, nil
}

// fits remembers that the last path has the label that the rule wants.
func (o *openedDir) fits(p, rule string) {
	if f := fitsRule(rule, p); f != (fits{}) && o.stamp != (Stamp{}) {
		o.h.noteFits(o.stamp, f)
	}
}

// getLabel reads a context. A kernel with SELinux gives every file one: what
// has none on disk, or none that the policy knows, is unlabeled_t.
func getLabel(d dirFD, name string) (string, error) {
	label, err := selinux.LfileLabel(d.proc(name))
	if errors.Is(err, unix.ENODATA) {
		return hosts.Unlabeled, nil
	}
	if err != nil {
		return "", bare(err)
	}
	if c, err := selinux.NewContext(label); err == nil && c["type"] == "unlabeled_t" {
		return hosts.Unlabeled, nil
	}
	return label, nil
}

// bare takes the path off an error of a path that nobody knows.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// fileMode gives the type bits.
func fileMode(mode uint16) fs.FileMode {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return fs.ModeDir
	case unix.S_IFLNK:
		return fs.ModeSymlink
	case unix.S_IFSOCK:
		return fs.ModeSocket
	case unix.S_IFIFO:
		return fs.ModeNamedPipe
	case unix.S_IFBLK:
		return fs.ModeDevice
	case unix.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice
	}
	return 0
}

// matchpathcon asks the host's own tool for what the policy gives each path.
func (h *Host) matchpathcon(ctx context.Context, paths map[string]string) (map[string]string, error) {
	const batch = 500 // well below ARG_MAX
	gives := make(map[string]string, len(paths))
	var args []string
	ask := func() error {
		if len(args) == 0 {
			return nil
		}
		res, err := h.Run(ctx, hosts.Cmd{Argv: append([]string{"matchpathcon", "-n", "--"}, args...)})
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSuffix(string(res.Stdout), "\n"), "\n")
		if len(lines) != len(args) {
			return fmt.Errorf("matchpathcon told of %d of %d paths: %s", len(lines), len(args), res.Stderr)
		}
		for i, p := range args {
			gives[p] = lines[i]
		}
		args = args[:0]
		return nil
	}
	for p := range paths {
		args = append(args, p)
		if len(args) == batch {
			if err := ask(); err != nil {
				return nil, fmt.Errorf("cannot find SELinux contexts: %w", err)
			}
		}
	}
	if err := ask(); err != nil {
		return nil, fmt.Errorf("cannot find SELinux contexts: %w", err)
	}
	return gives, nil
}

// wantedLabel gives the context to set on what will be at path: "" to leave it.
func (h *Host) wantedLabel(ctx context.Context, p string, n *hosts.Node) (string, error) {
	if n.Label == hosts.Unlabeled {
		return hosts.Unlabeled, nil
	}
	policy, err := h.policy()
	if err != nil {
		return "", err
	}
	if n.Label != "" {
		if policy == nil {
			return "", fmt.Errorf("cannot set label %s: this host has no SELinux policy; leave the label out, or install one", n.Label)
		}
		if strings.ContainsAny(n.Label, " \t\n\x00") {
			return "", fmt.Errorf("cannot set label %q: not a context", n.Label)
		}
		if _, err := selinux.NewContext(n.Label); err != nil {
			return "", fmt.Errorf("cannot set label %q: not a context: %w", n.Label, err)
		}
		return n.Label, nil
	}
	if policy == nil {
		return "", nil
	}
	mode := map[hosts.NodeType]fs.FileMode{hosts.Dir: fs.ModeDir, hosts.Link: fs.ModeSymlink}[n.Type]
	label, err := policy.lookup(p, mode)
	if errors.Is(err, fcontext.ErrExpression) {
		var got map[string]string
		if got, err = h.matchpathcon(ctx, map[string]string{p: ""}); err == nil {
			label = got[p]
		}
	}
	if err != nil {
		return "", err
	}
	if label == fcontext.None {
		return "", nil
	}
	return label, nil
}

// setLabel sets a context, or takes it off for Unlabeled.
func setLabel(d dirFD, name, label string) error {
	switch label {
	case "":
		return nil
	case hosts.Unlabeled:
		err := retryErr(func() error { return unix.Lremovexattr(d.proc(name), xattrLabel) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot take the SELinux label off: %w", err)
		}
		return nil
	}
	if err := selinux.LsetFileLabel(d.proc(name), label+"\x00"); err != nil {
		return fmt.Errorf("cannot set label %s: %w", label, labelError(bare(err)))
	}
	return nil
}

const xattrLabel = "security.selinux"

func labelError(err error) error {
	switch {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("this host's SELinux policy does not know it: %w", err)
	case errors.Is(err, unix.ENOTSUP):
		return fmt.Errorf("the file system has no SELinux labels: %w", err)
	}
	return err
}
