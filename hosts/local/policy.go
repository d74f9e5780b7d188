package local

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"hikae/hosts/fcontext"
)

// policyCache keeps the host's SELinux policy until one of its files changes.
type policyCache struct {
	mu     sync.Mutex
	of     [len(policySuffixes) + 1]Stamp
	loaded bool
	name   string  // SELINUXTYPE; "" without a policy
	policy *policy // nil without one

	checked time.Time // when the files were last looked at
	rule    string    // labelRule of then
}

// expire has the files looked at again before the next use.
func (c *policyCache) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = time.Time{}
}

// policy is a policy that the host has. Its files are read when it is first
// needed: most labels are known to fit.
type policy struct {
	name string
	rule string // of labelRule
	load func() (*fcontext.Policy, error)
}

func (p *policy) lookup(path string, mode fs.FileMode) (string, error) {
	fc, err := p.load()
	if err != nil {
		return "", err
	}
	return fc.Lookup(path, mode)
}

const selinuxConfig = "/etc/selinux/config"

// policySuffixes are the files of path rules, beside file_contexts.
var policySuffixes = [...]string{"", ".homedirs", ".local", ".subs", ".subs_dist"}

// policy gives the host's policy, nil where it has none. One that is there but
// switched off (SELINUX=disabled) counts as none: such a host writes no labels.
// Whether the kernel enforces it makes no difference. fresh says to look whether
// its files changed.
func (h *Host) policy(fresh bool) (*policy, error) {
	c := &h.fsPolicy
	c.mu.Lock()
	defer c.mu.Unlock()
	if fresh || !c.loaded || time.Since(c.checked) >= lookAge {
		now := time.Now()
		if err := h.lookAtPolicy(); err != nil {
			return nil, err
		}
		c.checked = now
	}
	if c.policy == nil {
		return nil, nil
	}
	p := *c.policy
	p.rule = c.rule
	return &p, nil
}

// lookAtPolicy brings the cache up to date. It needs its lock.
func (h *Host) lookAtPolicy() error {
	c := &h.fsPolicy
	var of [len(policySuffixes) + 1]Stamp
	config, err := h.stamp(selinuxConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read SELinux policy: %w", err)
	}
	of[0] = config
	if c.loaded && config == (Stamp{}) && c.of[0] == config {
		return nil
	}
	if !c.loaded || of[0] != c.of[0] {
		c.loaded, c.policy = false, nil
		if c.name, err = h.policyName(); err != nil {
			return err
		}
	}
	contexts := path.Join("/etc/selinux", c.name, "contexts/files/file_contexts")
	if c.name != "" {
		for i, suffix := range policySuffixes {
			if of[i+1], err = h.stamp(contexts + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("cannot read SELinux policy: %w", err)
			}
		}
	}
	if !c.loaded || of != c.of {
		c.policy = nil
		if of[1] != (Stamp{}) {
			c.policy = &policy{name: c.name, load: sync.OnceValues(func() (*fcontext.Policy, error) {
				return fcontext.Load(hostFS{h}, strings.TrimPrefix(contexts, "/"))
			})}
		}
		c.of, c.loaded = of, true
	}
	if c.rule = ""; c.policy != nil {
		c.rule = h.labelRule(of[:])
	}
	return nil
}

// policyName reads SELINUXTYPE, by the rules of selinux_config(5).
func (h *Host) policyName() (string, error) {
	f, err := h.Open(selinuxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read SELinux policy: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	var mode, name string
	s := bufio.NewScanner(f)
	for s.Scan() {
		key, value, _ := strings.Cut(strings.TrimSpace(s.Text()), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.TrimSpace(key) {
		case "SELINUX":
			mode = strings.ToLower(value)
		case "SELINUXTYPE":
			name = value
		}
	}
	if err := s.Err(); err != nil {
		return "", fmt.Errorf("cannot read %s: %w", selinuxConfig, err)
	}
	if mode == "disabled" || strings.Contains(name, "/") {
		return "", nil
	}
	return name, nil
}
