package sysctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// Units has what brings the parameters of changed files to the kernel. No
// daemon reads them.
func (Lens) Units() []engine.Unit {
	return []engine.Unit{{
		Name:    "sysctl",
		Reads:   []string{dir + "/*" + suffix, mainFile},
		Prepare: bring,
	}}
}

// searched are the directories of parameters, the first to have a name first:
// sysctl.d(5).
var searched = []string{dir, "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"}

// bring sets what the changed files set, as far as no other file overrides
// it. A value that the kernel refuses is an error; that it lacks a parameter,
// or does not let this host set it, as in a container, is told.
func bring(ctx context.Context, h hosts.Host, changed []string) error {
	all, err := effective(h)
	if err != nil {
		return err
	}
	var told []string
	var errs []error
	for _, key := range keysOf(h, changed) {
		for _, k := range expand(h, key) {
			why, err := set(ctx, h, k, all[key])
			if why != "" {
				told = append(told, why)
			}
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(told) > 0 {
		return &engine.Notice{Text: strings.Join(told, "; ")}
	}
	return nil
}

// effective is the value of each key by all files of the host.
func effective(h hosts.Reader) (map[string]string, error) {
	byName := map[string]string{}
	for _, d := range slices.Backward(searched) {
		names, err := h.ReadDir(d)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read %s: %w", d, err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, suffix) {
				byName[n] = path.Join(d, n)
			}
		}
	}
	all := map[string]string{}
	var order []string
	for n := range byName {
		order = append(order, n)
	}
	slices.Sort(order)
	for _, n := range order {
		for key, value := range assigned(h, byName[n]) {
			all[key] = value
		}
	}
	for key, value := range assigned(h, mainFile) {
		all[key] = value
	}
	return all, nil
}

// assigned is what one file sets. One that is gone sets nothing.
func assigned(h hosts.Reader, p string) map[string]string {
	values := map[string]string{}
	b, err := hosts.ReadFile(h, p, maxFile)
	if err != nil {
		return values
	}
	f, err := lensput.Parsed(p, b, grammar())
	if err != nil {
		return values
	}
	entries, _ := parse(f)
	for _, e := range entries {
		values[e.key] = e.value().Of(b)
	}
	return values
}

// keysOf are the keys that files set, sorted.
func keysOf(h hosts.Reader, files []string) []string {
	var keys []string
	for _, p := range files {
		if p == mainFile || path.Dir(p) == dir && strings.HasSuffix(p, suffix) {
			for key := range assigned(h, p) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// expand is the keys that a pattern stands for; a key that is none, itself.
func expand(h hosts.Reader, key string) []string {
	if !strings.ContainsAny(key, "*?[") {
		return []string{key}
	}
	found := []string{"/proc/sys"}
	for part := range strings.SplitSeq(strings.TrimPrefix(procPath(key), "/proc/sys/"), "/") {
		var next []string
		for _, d := range found {
			names, err := h.ReadDir(d)
			if err != nil {
				continue
			}
			for _, n := range names {
				if rules.Match(part, n) {
					next = append(next, path.Join(d, n))
				}
			}
		}
		found = next
	}
	for i, p := range found {
		found[i] = canonical(strings.TrimPrefix(p, "/proc/sys/"))
	}
	return found
}

// set gives a parameter a value where it has another one.
func set(ctx context.Context, h hosts.Host, key, value string) (told string, err error) {
	if now, err := hosts.ReadFile(h, procPath(key), maxFile); err == nil && same(string(now), value) {
		return "", nil
	}
	r, err := h.Run(ctx, hosts.Cmd{Argv: []string{"/usr/sbin/sysctl", "-q", "-w", key + "=" + value}})
	if err != nil {
		return "", fmt.Errorf("cannot set %s: %w", key, err)
	}
	said := strings.TrimSpace(string(r.Stderr))
	now, readErr := hosts.ReadFile(h, procPath(key), maxFile)
	switch {
	case readErr == nil && same(string(now), value):
		return "", nil
	case errors.Is(readErr, fs.ErrNotExist):
		return "this kernel has no " + key, nil
	case strings.Contains(said, "Invalid argument"):
		return "", fmt.Errorf("the kernel refuses %s = %s: %s", key, value, said)
	case said == "":
		return fmt.Sprintf("%s reads %q after it was set to %q", key, strings.TrimSpace(string(now)), value), nil
	}
	return fmt.Sprintf("%s is not set to %s now: %s", key, value, said), nil
}

// same compares values as the kernel prints and takes them: words parted by
// blanks.
func same(now, value string) bool {
	return slices.Equal(strings.Fields(now), strings.Fields(value))
}

// maxFile bounds, in bytes, a file of the host.
const maxFile = 1 << 20
