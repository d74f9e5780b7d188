package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

var _ hosts.WorkReader = (*Host)(nil)

// Work implements hosts.WorkReader, from proc(5).
func (h *Host) Work(ctx context.Context, cgroup string) (w hosts.Work, err error) {
	if h.root != "/" {
		return hosts.Work{Busy: true}, nil // what runs there is not known
	}
	pids, err := pidsOf(cgroup)
	if err != nil {
		return w, fmt.Errorf("cannot tell whether %s is at work: %w", cgroup, err)
	}
	for _, pid := range pids {
		addWork(&w, pid)
	}
	w.Busy = w.Busy || w.Used == 0
	return w, ctx.Err()
}

// workBelow is that of processes and of all that descend from them. It is cut
// short at the first that is busy.
func workBelow(roots []string) (w hosts.Work) {
	for todo := roots; len(todo) > 0 && !w.Busy; {
		children, known := addWork(&w, todo[0])
		w.Busy = w.Busy || !known
		todo = append(todo[1:len(todo):len(todo)], children...)
	}
	w.Busy = w.Busy || w.Used == 0
	return w
}

// addWork adds what the threads of a process do, and returns its children where
// the kernel tells them. One that has ended does nothing.
func addWork(w *hosts.Work, pid string) (children []string, known bool) {
	dir := "/proc/" + pid + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil, true
	}
	known = true
	var buf [4 << 10]byte
	for _, t := range threads {
		thread := dir + "/" + t.Name()
		stat, err := readOnce(thread+"/stat", buf[:])
		if err != nil {
			continue
		}
		// Its name, which may be anything, stands before its state.
		if i := bytes.LastIndex(stat, []byte(") ")); i >= 0 && i+2 < len(stat) && strings.ContainsRune("RD", rune(stat[i+2])) {
			w.Busy = true
		}
		// Nanoseconds on a processor, and what else is counted
		// (Documentation/scheduler/sched-stats); 0 of a kernel that does not.
		if stat, err = readOnce(thread+"/schedstat", buf[:]); err == nil {
			used, _, _ := bytes.Cut(stat, []byte(" "))
			ns, _ := strconv.ParseInt(string(used), 10, 64)
			w.Used += time.Duration(ns)
		}
		below, err := readOnce(thread+"/children", buf[:])
		known = known && err == nil && len(below) < len(buf)
		children = append(children, strings.Fields(string(below))...)
	}
	return children, known
}

// readOnce reads a small file of proc(5) by one read(2), as is right for those.
func readOnce(file string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) //nolint:errcheck // opened for reading
	n, err := unix.Read(fd, buf)
	return buf[:max(n, 0)], err
}
