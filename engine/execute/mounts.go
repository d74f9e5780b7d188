package execute

import (
	"fmt"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/mountinfo"
)

// A file that is mounted elsewhere (named-chroot-setup binds /etc/named.conf
// into the chroot) is shown there by its inode: once another is renamed over
// it, the mount shows the old bytes until it is made anew. proc(5) then says
// of its root "/etc/named.conf//deleted".

// stale lists those of the paths whose old bytes a mount of the host shows.
func stale(r hosts.Reader, paths []string) []string {
	f, err := r.Open("/proc/1/mountinfo")
	if err != nil {
		return nil // no host that runs
	}
	defer f.Close() //nolint:errcheck // opened for reading
	var roots []string
	for m, err := range mountinfo.Read(f) {
		if err != nil {
			break // what is not known is not told
		}
		if m.Gone && len(m.Root) > 1 {
			roots = append(roots, m.Root)
		}
	}
	var out []string
	for _, p := range paths {
		// The root is relative to that of its file system, which may be
		// mounted deeper than "/".
		if slices.ContainsFunc(roots, func(root string) bool { return root == p || strings.HasSuffix(root, p) || strings.HasSuffix(p, root) }) {
			out = append(out, p)
		}
	}
	return out
}

// rebinds reports whether a unit has to be restarted, after those whose mounts
// show old bytes of what it reads.
func rebinds(u *engine.Unit, stale []string) bool {
	return len(u.Before) > 0 && slices.ContainsFunc(stale, func(p string) bool {
		return slices.ContainsFunc(u.Reads, func(pattern string) bool { return rules.Match(pattern, p) })
	})
}

// noteStale tells of the mounts that show old bytes and that no unit of the
// group makes anew.
func (e *execution) noteStale(g *group) {
	for _, p := range stale(e.x.Host, g.changed()) {
		e.tell(fmt.Sprintf("a mount shows %s as it was before: mount it anew (findmnt | grep deleted)", p))
	}
}
