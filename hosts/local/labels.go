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
	policy, err := h.policy(true)
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
		l, err := dir.label(p, policy.rule)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTSUP):
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("cannot read SELinux label: %w", err)
		case l.known == labelFits:
			continue
		case l.known == labelOdd:
			odd[p] = l.has
			continue
		}
		want, err := policy.lookup(p, l.mode)
		if errors.Is(err, fcontext.ErrExpression) {
			unsure[p] = l.has
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		dir.note(p, policy.rule, noteOdd(odd, p, l.has, want))
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

// label is what was found of a path's label.
type label struct {
	known known
	has   string      // the context, Unlabeled for none; not filled in where it fits
	mode  fs.FileMode // the path's type
}

// label looks at a path, and at what is remembered of it under the rule.
func (o *openedDir) label(p, rule string) (label, error) {
	dir, name := path.Split(p)
	if dir != o.path || name == "" {
		o.close()
		fd, _, err := o.h.parent("getxattr", p)
		if err != nil {
			return label{}, err
		}
		o.path, o.fd = dir, fd
	}
	if name == "" {
		name = "."
	}
	st, err := o.fd.statx(name)
	if err != nil {
		return label{}, &fs.PathError{Op: "stat", Path: p, Err: err}
	}
	o.stamp = stampAt(st, p)
	l := label{mode: fileMode(st.Mode)}
	if k, ok := o.h.stamps.get(o.stamp, time.Now()); ok {
		if l.known = k.label(fitsRule(rule, p), &o.h.stamps.ctimes, o.fd, name); l.known == labelFits {
			return l, nil
		}
	}
	if !o.stamp.settled(time.Now()) {
		o.stamp = Stamp{}
	}
	if l.has, err = getLabel(o.fd, name); err != nil {
		return label{}, &fs.PathError{Op: "getxattr", Path: p, Err: err}
	}
	return l, nil
}

// note remembers of the last path whether its label is another than the rule
// wants.
func (o *openedDir) note(p, rule string, odd bool) {
	if f := fitsRule(rule, p); f != (fits{}) && o.stamp != (Stamp{}) {
		o.h.noteLabel(o.stamp, f, odd)
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
