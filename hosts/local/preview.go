package local

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

const (
	// ownRun is hikae's own. A view keeps what is written in it in a tmpfs that
	// is mounted there, in the view alone.
	ownRun = "/run/hikae"
	// viewTree is seen through one overlay whatever is laid: what is derived
	// from a daemon's files is written beside them.
	viewTree = "/etc"
	// maxLaid bounds, in bytes, what is copied into memory for a view.
	maxLaid = 64 << 20
)

// Preview implements hosts.Previewer: fn runs on a thread of its own, in a
// mount namespace of its own, where an overlay (overlayfs, its upper half in
// memory) lies over each directory of laid. In it laid is committed as it would
// be for good. Programs that fn runs inherit the namespace; it ends with the
// thread.
func (h *Host) Preview(ctx context.Context, laid []hosts.Laid, fn func(view hosts.Host) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	type end struct {
		err      error
		panicked any
	}
	ended := make(chan end, 1)
	onOwnThread(func() {
		var e end
		defer func() { ended <- e }()
		defer func() { e.panicked = recover() }()
		e.err = h.preview(laid, fn)
	})
	e := <-ended
	if e.panicked != nil {
		panic(e.panicked)
	}
	return e.err
}

// onOwnThread runs fn in a goroutine whose thread ends with it. The process's
// first thread does not end, and /proc/self is that one's view: it is passed
// over.
func onOwnThread(fn func()) {
	go func() {
		runtime.LockOSThread() // for good
		if unix.Gettid() != unix.Getpid() {
			fn()
			return
		}
		onOwnThread(fn)
		runtime.UnlockOSThread()
	}()
}

func (h *Host) preview(laid []hosts.Laid, fn func(view hosts.Host) error) error {
	v, err := h.view(laid)
	if err != nil {
		return fmt.Errorf("%w: %w", hosts.ErrNoPreview, err)
	}
	defer v.Close() //nolint:errcheck // gives back a descriptor
	return fn(v)
}

// view makes the calling thread's namespace its own and lays out there what
// will be.
func (h *Host) view(laid []hosts.Laid) (*Host, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return nil, fmt.Errorf("cannot make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("cannot make a mount namespace private: %w", err)
	}
	v, err := New(Options{Root: h.root, Log: h.log, LoginAccount: h.Facts().LoginAccount})
	if err != nil {
		return nil, err
	}
	v.systemd.here = h.systemd.here
	if err := v.layOut(laid); err != nil {
		_ = v.Close() // never fails
		return nil, err
	}
	return v, nil
}

func (h *Host) layOut(laid []hosts.Laid) error {
	if err := h.fits(laid); err != nil {
		return err
	}
	upper, err := h.memory()
	if err != nil {
		return err
	}
	defer upper.Close()
	table, err := readMounts("/proc/thread-self/mountinfo", h.root)
	if err != nil {
		return err
	}
	h.viewed = viewDirs(laid)
	for i, dir := range h.viewed {
		if err := h.overlay(dir, upper, strconv.Itoa(i), table); err != nil {
			return fmt.Errorf("cannot lay a view over %s: %w", dir, err)
		}
	}
	for _, l := range laid {
		if err := h.lay(l); err != nil {
			return fmt.Errorf("cannot show %s in its place: %w", l.Path, err)
		}
	}
	return nil
}

// viewDirs are the directories to lay an overlay over, none inside another.
func viewDirs(laid []hosts.Laid) []string {
	dirs := []string{viewTree}
	for _, l := range laid {
		dirs = append(dirs, path.Dir(l.Path))
	}
	return hosts.Outermost(dirs)
}

func (h *Host) fits(laid []hosts.Laid) error {
	var sum int64
	for _, l := range laid {
		if l.From == "" {
			continue
		}
		n, err := h.Stat(l.From)
		if err != nil {
			return err
		}
		sum += n.Content.Size
	}
	if sum > maxLaid {
		return fmt.Errorf("the new files are larger than %d MiB", maxLaid>>20)
	}
	return nil
}

// memory mounts an empty tmpfs and opens it.
func (h *Host) memory() (dirFD, error) {
	run, err := h.runDir()
	if err != nil {
		return -1, err
	}
	defer run.Close()
	err = mountOn(run, "", "tmpfs", "tmpfs", 0, "mode=0700,size="+strconv.Itoa(4*maxLaid))
	if err != nil {
		return -1, fmt.Errorf("cannot mount a tmpfs on %s: %w", ownRun, err)
	}
	return h.openDir(ownRun)
}

// overlay lays an overlay over dir, which is added to the table of all that is
// mounted. What is mounted below it is mounted there again, which overlayfs does
// not do (its lower half is that one mount).
func (h *Host) overlay(dir string, upper dirFD, n string, table mountTable) error {
	if dir == "/" {
		return errors.New("not over the whole host")
	}
	lower, err := h.openDir(dir)
	if err != nil {
		return err
	}
	defer lower.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(lower), &st); err != nil {
		return err
	}
	var opts [3]string
	for i, part := range []string{"upper", "work"} {
		name := part + n
		if err := unix.Mkdirat(int(upper), name, 0o700); err != nil {
			return err
		}
		if err := likeDir(upper, name, st.Uid, st.Gid, st.Mode); err != nil {
			return err
		}
		opts[i+1] = part + "dir=" + upper.proc(name)
	}
	opts[0] = "lowerdir=" + strings.TrimSuffix(lower.proc(""), "/")
	below, err := h.mountsBelow(dir, table)
	if err != nil {
		return err
	}
	defer below.close()
	if err := mountOn(lower, "", "overlay", "overlay", 0, strings.Join(opts[:], ",")); err != nil {
		return err
	}
	table.paths[dir] = true
	return below.bind(h)
}

// mountOn is mount(2) on a name in an open directory, or on that itself.
func mountOn(d dirFD, name, source, fstype string, flags uintptr, data string) error {
	return unix.Mount(source, strings.TrimSuffix(d.proc(name), "/"), fstype, flags, data)
}

// submounts are mount points, open, the outermost of each nest.
type submounts map[string]dirFD

func (h *Host) mountsBelow(dir string, table mountTable) (submounts, error) {
	var paths []string
	for p := range table.paths {
		if strings.HasPrefix(p, dir+"/") {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	subs, last := submounts{}, "//"
	for _, p := range paths {
		if strings.HasPrefix(p, last+"/") {
			continue // comes with that one
		}
		last = p
		d, name, err := h.parent("open", p)
		if err != nil {
			subs.close()
			return nil, err
		}
		fd, err := d.openat(name, unix.O_PATH, 0)
		d.Close()
		if err != nil {
			subs.close()
			return nil, err
		}
		subs[p] = dirFD(fd)
	}
	return subs, nil
}

func (s submounts) bind(h *Host) error {
	for p, fd := range s {
		d, name, err := h.parent("mount", p)
		if err != nil {
			return err
		}
		err = mountOn(d, name, strings.TrimSuffix(fd.proc(""), "/"), "", unix.MS_BIND|unix.MS_REC, "")
		d.Close()
		if err != nil {
			return fmt.Errorf("cannot mount %s again: %w", p, err)
		}
	}
	return nil
}

func (s submounts) close() {
	for _, fd := range s {
		fd.Close()
	}
}

// lay does in the view what a commit will do for good.
func (h *Host) lay(l hosts.Laid) error {
	d, name, err := h.parent("write", l.Path)
	if err != nil {
		return err
	}
	defer d.Close()
	if l.From == "" {
		if err := removeTemp(d, name); err != nil && !errors.Is(err, unix.ENOTEMPTY) {
			return err
		}
		return nil
	}
	from, temp, err := h.parent("read", l.From)
	if err != nil {
		return err
	}
	defer from.Close()
	st, err := from.statx(temp)
	switch {
	case err != nil:
		return err
	case l.From == l.Path: // a directory that stays
		return nil
	case nodeType(st.Mode) == hosts.Dir:
		return layDir(d, name, st)
	case path.Dir(l.From) != path.Dir(l.Path): // from one that is aside to what stands for it here
		return unix.Renameat(int(from), temp, int(d), name)
	}
	return replace(d, temp, name, false)
}

// layDir makes a directory like the one that is aside: overlayfs cannot rename
// that. What comes into it is laid after it.
func layDir(d dirFD, name string, like *unix.Statx_t) error {
	if err := removeTemp(d, name); err != nil {
		return err
	}
	if err := unix.Mkdirat(int(d), name, 0o700); err != nil {
		return err
	}
	return likeDir(d, name, like.Uid, like.Gid, uint32(like.Mode))
}

func likeDir(d dirFD, name string, uid, gid, mode uint32) error {
	if err := unix.Fchownat(int(d), name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Fchmodat(int(d), name, mode&0o7777, 0)
}
