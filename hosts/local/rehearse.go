package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
	"hikae/hosts/mountinfo"
)

const (
	// livesFor is how long a daemon has to live in a rehearsal.
	livesFor = 700 * time.Millisecond
	// listensWithin is how much it may take until it listens, on a busy host.
	listensWithin = 4 * time.Second
	rehearseStep  = 10 * time.Millisecond
	// lastWords bounds what is kept of what it prints, in bytes, from the end.
	lastWords = 2 << 10
)

// keeper is the first process of a rehearsal's process namespace, so that all
// in it is killed with it: at the end, when hikae dies, or after 20 s.
var keeper = []string{"/usr/bin/sleep", "20"}

var (
	// scratch is what any daemon may write, and what is thrown away after it.
	scratch = []string{"/run", "/tmp", "/var", "/var/tmp", "/var/log", "/dev/shm"}
	// scratchToo is so where it can be.
	scratchToo = []string{"/srv", "/opt", "/home", "/root"}
	// lookups are where accounts are asked for: sssd's sockets and nscd's. They
	// are as they are.
	lookups = []string{"/var/lib/sss/pipes", "/run/nscd"}
	// stageFaults are words (strerror(3), gai_strerror(3)) of a daemon that ends
	// for want of what only a rehearsal lacks.
	stageFaults = []string{"Read-only file system", "name resolution", "Name or service not known"}
)

var _ hosts.Rehearser = (*Host)(nil)

// Rehearse implements hosts.Rehearser. It is called in Preview's fn, on its
// goroutine, and so is the verdict.
func (h *Host) Rehearse(ctx context.Context, daemons []hosts.Rehearsal) (verdict func() ([]string, error)) {
	fails := func(err error) func() ([]string, error) {
		return func() ([]string, error) { return nil, fmt.Errorf("cannot rehearse: %w", err) }
	}
	if h.root != "/" {
		return fails(errors.New("nothing runs there"))
	}
	ns, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return fails(err)
	}
	held := listeners(threadNet)
	died, errs := make([]string, len(daemons)), make([]error, len(daemons))
	var under sync.WaitGroup
	for i, d := range daemons {
		under.Add(1)
		tell := func(why string, err error) {
			if died[i] = why; err != nil {
				errs[i] = fmt.Errorf("cannot rehearse %s: %w", d.Argv[0], err)
			}
			under.Done()
		}
		onOwnThread(func() {
			var once sync.Once
			first := func(why string, err error) { once.Do(func() { tell(why, err) }) }
			first(h.rehearse(ctx, ns, d, held, first))
		})
	}
	return func() ([]string, error) {
		under.Wait()
		_ = ns.Close() // opened for reading
		return died, errors.Join(errs...)
	}
}

// rehearse makes the calling thread's namespaces those of a stage, and starts a
// daemon on it. held are the sockets that listen on the host. Of one that lived it
// tells as soon as it is killed, and returns when it is gone.
func (h *Host) rehearse(ctx context.Context, view *os.File, d hosts.Rehearsal, held []listener, tell func(died string, err error)) (died string, err error) {
	network, err := hostNetwork()
	if err != nil {
		return "", err
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return "", err
	}
	if err := unix.Setns(int(view.Fd()), unix.CLONE_NEWNS); err != nil {
		return "", fmt.Errorf("cannot enter the view: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC); err != nil {
		return "", fmt.Errorf("cannot make namespaces: %w", err)
	}
	if err := network.copy(); err != nil {
		return "", err
	}
	if err := h.furnish(d.State); err != nil {
		return "", err
	}
	if err := hide(d.Without); err != nil {
		return "", err
	}
	logged, err := listenLog()
	if err != nil {
		return "", err
	}
	defer logged.close()
	first := exec.Command(keeper[0], keeper[1:]...)
	first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Setsid: true, Pdeathsig: unix.SIGKILL}
	if err := first.Start(); err != nil {
		return "", fmt.Errorf("cannot make a process namespace: %w", err)
	}
	defer first.Wait()         //nolint:errcheck // it was killed
	defer first.Process.Kill() //nolint:errcheck // so it had ended
	return h.play(ctx, d, held, first.Process.Pid, logged, tell)
}

// play starts the daemon and watches it, in the process namespace of another.
func (h *Host) play(ctx context.Context, d hosts.Rehearsal, held []listener, keeper int, logged *syslog, tell func(died string, err error)) (died string, err error) {
	said, err := unix.MemfdCreate("said", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	out := os.NewFile(uintptr(said), "said")
	defer out.Close() //nolint:errcheck // it is in memory
	pids, err := os.Open("/proc/" + strconv.Itoa(keeper) + "/ns/pid")
	if err != nil {
		return "", err
	}
	defer pids.Close() //nolint:errcheck // opened for reading
	if err := unix.Setns(int(pids.Fd()), unix.CLONE_NEWPID); err != nil {
		return "", fmt.Errorf("cannot enter a process namespace: %w", err)
	}
	ready, err := listenReady()
	if err != nil {
		return "", err
	}
	defer ready.close()
	env := append(environment(d.Main), ready.env())
	cmd := exec.Command(d.Argv[0], expand(d.Argv[1:], env)...)
	cmd.Env, cmd.Dir = env, "/"
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it dies with the namespace
	if d.User != "" {
		if cmd.SysProcAttr.Credential, err = h.credential(d.User); err != nil {
			return "", err
		}
	}
	if err := cmd.Start(); err != nil {
		return "", bare(err)
	}
	ended := make(chan error, 1)
	var gone sync.WaitGroup
	gone.Go(func() { ended <- cmd.Wait() })
	err = h.watch(ctx, d, ended, &signs{ready: ready, d: d, rest: hosts.Rest{For: settles}, roots: []string{strconv.Itoa(keeper), strconv.Itoa(cmd.Process.Pid)}})
	if end, ok := errors.AsType[*endedError](err); ok {
		said := strings.TrimSpace(tail(out) + "\n" + strings.ToValidUTF8(logged.close(), "?"))
		if slices.ContainsFunc(stageFaults, func(f string) bool { return strings.Contains(said, f) }) {
			return "", fmt.Errorf("it wants what a rehearsal has not: %s", said)
		}
		return end.why + ": " + said, nil
	}
	if err == nil {
		died, err = inTheWay(listeners(threadNet), held, d)
	}
	_ = unix.Kill(keeper, unix.SIGKILL) // and so all of them
	tell(died, err)
	gone.Wait() // until it is reaped the namespace does not end
	return died, err
}

// endedError: the daemon has ended by itself.
type endedError struct{ why string }

func (e *endedError) Error() string { return e.why }

// watch returns nil once the daemon has lived for long enough.
func (h *Host) watch(ctx context.Context, d hosts.Rehearsal, ended <-chan error, by *signs) error {
	tick := time.NewTicker(rehearseStep)
	defer tick.Stop()
	for start := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			why := "it ends"
			if err != nil {
				why += " (" + err.Error() + ")"
			}
			return &endedError{why}
		case <-tick.C:
		}
		lived := time.Since(start)
		settled := by.settled(lived)
		if (settled || lived >= cmp.Or(d.Lives, livesFor)) && (!d.Listens || lived >= listensWithin || by.listens()) {
			return nil
		}
	}
}

// furnish lays overlays over what the daemon may write, and has all else be
// read-only, in the calling thread's mount namespace.
func (h *Host) furnish(state []string) error {
	stage, err := New(Options{Root: h.root, Log: h.log})
	if err != nil {
		return err
	}
	defer stage.Close() //nolint:errcheck // gives back a descriptor
	upper, err := stage.memory()
	if err != nil {
		return err
	}
	defer upper.Close()
	table, err := readMounts("/proc/thread-self/mountinfo", stage.root)
	if err != nil {
		return err
	}
	var asked submounts = map[string]dirFD{}
	defer asked.close()
	for _, dir := range lookups {
		if d, err := stage.openDir(dir); err == nil { // few hosts have them
			asked[dir] = d
		}
	}
	free := slices.Concat(h.viewed, []string{ownRun})
	for i, dir := range slices.Concat(scratch, state, scratchToo) {
		if slices.Contains(free, table.over(dir)) {
			continue
		}
		err := stage.overlay(dir, upper, "stage"+strconv.Itoa(i), table)
		if errors.Is(err, fs.ErrNotExist) || err != nil && slices.Contains(scratchToo, dir) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot lay a stage over %s: %w", dir, err)
		}
		free = append(free, dir)
	}
	if err := asked.bind(stage); err != nil {
		return err
	}
	return sealMounts(free)
}

// hide lays what cannot be executed over programs, in the calling thread's mount
// namespace.
func hide(programs []string) error {
	for _, p := range programs {
		err := unix.Mount("/dev/null", p, "", unix.MS_BIND, "")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot hide %s: %w", p, err)
		}
	}
	return nil
}

// credential is that of an account, with the group of the same name.
func (h *Host) credential(user string) (*syscall.Credential, error) {
	ids, err := h.names(true)
	if err != nil {
		return nil, err
	}
	uid, err := ids.UserID(user)
	if err != nil {
		return nil, err
	}
	gid, err := ids.GroupID(user)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{gid}}, nil
}

// sealMounts makes every mount read-only but those.
func sealMounts(free []string) error {
	f, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	var mounts []mountinfo.Mount
	for m, err := range mountinfo.Read(f) {
		if err != nil {
			return err
		}
		mounts = append(mounts, m)
	}
	for _, m := range mounts {
		if slices.Contains(free, m.Point) || slices.Contains(m.Options, "ro") {
			continue
		}
		flags := uintptr(unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY)
		for option, flag := range map[string]uintptr{
			"nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
			"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
		} {
			if slices.Contains(m.Options, option) {
				flags |= flag
			}
		}
		// One that lies under another, or below one, is seen by nobody.
		if err := unix.Mount("", m.Point, "", flags, ""); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("cannot make %s read-only: %w", m.Point, err)
		}
	}
	return nil
}

// tail is the end of what was printed.
func tail(f *os.File) string {
	size, err := f.Seek(0, 2)
	if err != nil {
		return err.Error()
	}
	b := make([]byte, min(size, lastWords))
	n, _ := f.ReadAt(b, size-int64(len(b)))
	return strings.TrimSpace(strings.ToValidUTF8(string(b[:n]), "?"))
}
