package inotify

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// status is a number of /proc/self/status, in KiB.
func status(tb testing.TB, field string) int {
	tb.Helper()
	b, err := os.ReadFile("/proc/self/status")
	must(tb, err)
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); string(f[0]) == field+":" {
			n, err := strconv.Atoi(string(f[1]))
			must(tb, err)
			return n
		}
	}
	tb.Fatalf("no %s", field)
	return 0
}

func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	must(tb, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Many directories take little memory, few descriptors, and nothing while
// nothing happens. HIKAE_TEST_DIRS is how many: 200,000 take a while to make.
func TestManyDirectories(t *testing.T) {
	want := 10_000
	if s := os.Getenv("HIKAE_TEST_DIRS"); s != "" {
		var err error
		want, err = strconv.Atoi(s)
		must(t, err)
	}
	if most := sysctl(t, "max_user_watches") - 1000; most < want { // a few are others'
		t.Logf("fs.inotify.max_user_watches lets this be %d directories", most)
		want = most
	}
	dir := inMemory(t)
	if want > 50_000 {
		dir = t.TempDir()
	}
	const each = 100
	for i := 0; i < want; i += each * (each + 1) {
		for j := range min(each, (want-i)/(each+1)) {
			mkdir(t, dir, fmt.Sprintf("srv/group-%d/directory-%d", i, j))
			for k := range each {
				must(t, os.Mkdir(filepath.Join(dir, fmt.Sprintf("srv/group-%d/directory-%d/with-a-name-%d", i, j, k)), 0o755))
			}
		}
	}
	put(t, dir, "srv/file", "")
	debug.FreeOSMemory()
	before := status(t, "VmRSS")
	began := time.Now()
	w := start(t, dir, Options{}, tree("/srv"))
	took := time.Since(began)
	after := status(t, "VmRSS")
	var heap runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap)
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	w.mu.Lock()
	watches := w.last.Watches
	w.mu.Unlock()
	idle := cpu(t)
	time.Sleep(2 * time.Second) // that nothing happens in
	idle = cpu(t) - idle
	t.Logf("%d watches in %v (%.1f µs each); resident %d KiB more (%d before), heap %d KiB; %d descriptors; %v of CPU in 2 s",
		watches, took.Round(time.Millisecond), float64(took.Microseconds())/float64(watches), after-before, before, heap.HeapAlloc>>10, len(fds), idle)
	if watches < want*9/10 {
		t.Errorf("%d watches", watches)
	}
	if most := 20<<10 + watches*200>>10; after-before > most {
		t.Errorf("%d KiB for %d directories", after-before, watches)
	}
	if len(fds) > 20 {
		t.Errorf("%d descriptors", len(fds))
	}
	if idle > 50*time.Millisecond {
		t.Errorf("%v of CPU while nothing happened", idle)
	}
	began = time.Now()
	put(t, dir, "srv/file", "x")
	w.wants(hosts.Seen{Path: "/srv/file"})
	t.Logf("a change told %v after it began", time.Since(began))
}

// From a rename(2) into place to the call of emit, the rename included.
func BenchmarkRenameTold(b *testing.B) {
	dir := b.TempDir()
	mkdir(b, dir, "etc")
	put(b, dir, "etc/a", "")
	w := start(b, dir, Options{}, tree("/etc"))
	<-w.came
	from, to := w.dir("etc/a"), w.dir("etc/b")
	for b.Loop() {
		must(b, os.Rename(from, to))
		<-w.came
		w.forget()
		from, to = to, from
	}
}

// What comes and goes for ever leaves nothing behind.
func TestChurn(t *testing.T) {
	dir := inMemory(t)
	mkdir(t, dir, "srv")
	w := start(t, dir, Options{}, tree("/srv"))
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc >> 10)
	}
	var before, descriptors int
	for i := range 40 {
		for j := range 300 {
			mkdir(t, dir, fmt.Sprintf("srv/%d/%d/x", i, j))
			put(t, dir, fmt.Sprintf("srv/%d/%d/file", i, j), "")
			must(t, os.Rename(w.dir(fmt.Sprintf("srv/%d/%d", i, j)), w.dir(fmt.Sprintf("srv/%d/moved-%d", i, j))))
		}
		must(t, os.RemoveAll(w.dir(fmt.Sprintf("srv/%d", i))))
		end := fmt.Sprintf("srv/end-%d", i%2)
		put(t, dir, end, "")
		w.wants(hosts.Seen{Path: "/" + end})
		w.forget()
		fds, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		if i == 10 {
			before, descriptors = heap(), len(fds)
		}
		if i > 10 && len(fds) > descriptors+2 { // a directory is listed just now
			t.Fatalf("%d descriptors, %d before", len(fds), descriptors)
		}
	}
	if after := heap(); after > before+512 {
		t.Errorf("%d KiB in use, %d before", after, before)
	}
	w.until("its watches to be let go of", func([]hosts.Seen) bool {
		put(t, dir, "srv/last", "")
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.last.Watches == 2
	})
}
