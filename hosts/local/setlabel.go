package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/fcontext"
)

// wantedLabel gives the context to set on what will be at path: "" to leave it.
func (h *Host) wantedLabel(ctx context.Context, p string, n *hosts.Node) (string, error) {
	if n.Label == hosts.Unlabeled {
		return hosts.Unlabeled, nil
	}
	policy, err := h.policy(false)
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
