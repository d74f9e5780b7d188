package rpmdb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hikae/hosts/rpmdb"
)

// liveDatabase makes an rpmdb.sqlite with rpm: packages built from the specs in testdata and registered.
func liveDatabase(t *testing.T) string {
	t.Helper()
	needTool(t, "rpmbuild", "rpm")
	top, dir := t.TempDir(), t.TempDir()
	var built []string
	for _, name := range []string{"odd", "even"} {
		command(t, "rpmbuild", "-bb", "--nodeps", "--define", "_topdir "+top, "--define", "__os_install_post %{nil}",
			"--define", "_build_name_fmt "+name+".rpm", filepath.Join("testdata", name+".spec"))
		built = append(built, filepath.Join(top, "RPMS", name+".rpm"))
	}
	args := []string{"--dbpath", dir, "--define", "_db_backend sqlite"}
	command(t, "rpm", append(args, append([]string{"-i", "--justdb", "--nodeps", "--noscripts", "--ignorearch"}, built...)...)...)
	return dir
}

func TestLivePackagesLikeRPM(t *testing.T) {
	dir := liveDatabase(t)
	likeRPM(t, rpmdb.SQLite, dir)

	pkgs := load(t, dir)
	if len(pkgs) != 2 || pkgs[0].NEVRA() != "even-2-1.noarch" || pkgs[1].NEVRA() != "odd-3:1.0~rc1^git2-1.noarch" {
		t.Fatalf("%v", pkgs)
	}
	files, err := pkgs[1].Files()
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]rpmdb.File{}
	for _, f := range files {
		byPath[f.Path] = f
	}
	if f := byPath["/etc/odd/b c.conf"]; !f.Flags.Has(rpmdb.FileConfig|rpmdb.FileNoReplace) || f.Algo != rpmdb.SHA256 || len(f.Digest) != 32 {
		t.Errorf("%+v", f)
	}
	if f := byPath["/etc/odd/missing.conf"]; !f.Flags.Has(rpmdb.FileMissingOK) || f.User != "daemon" || f.Mode != 0o100600 {
		t.Errorf("%+v", f)
	}
	if f := byPath["/usr/bin/odd-ping"]; f.Caps != "cap_net_admin,cap_net_raw=ep" {
		t.Errorf("%+v", f)
	}
	if f := byPath["/opt/odd/link"]; f.LinkTo != "../../usr/bin/odd-ping" || f.Digest != nil {
		t.Errorf("%+v", f)
	}
	if f := byPath["/var/log/odd.log"]; !f.Flags.Has(rpmdb.FileGhost) || f.Group != "adm" {
		t.Errorf("%+v", f)
	}
	if f := byPath["/opt/odd/sub/it's \"quoted\""]; f.Verify.Has(rpmdb.VerifyDigest) || !f.Verify.Has(rpmdb.VerifyMode) {
		t.Errorf("%+v", f)
	}
}

// An other is a process that has the database open: testdata/wal.py.
type other struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startOther(t *testing.T, dir string) *other {
	t.Helper()
	needTool(t, "python3", "python3")
	cmd := exec.Command("python3", "testdata/wal.py", filepath.Join(dir, "rpmdb.sqlite"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &other{t, in, bufio.NewReader(out)}
}

func (o *other) send(word string) { fmt.Fprintln(o.in, word) }

func (o *other) wait() string {
	line, err := o.out.ReadString('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (o *other) do(word string) {
	o.t.Helper()
	o.send(word)
	o.wait()
}

func walSize(t *testing.T, dir string) int64 {
	t.Helper()
	fi, err := os.Stat(filepath.Join(dir, "rpmdb.sqlite-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// What is committed but stands in the log alone counts, what is not committed does not; rpm says the same each time.
func TestLogLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	dir := t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	all := len(load(t, dir))
	o := startOther(t, dir)
	o.do("mode WAL")

	expect := func(what string, want int) {
		t.Helper()
		if got := len(load(t, dir)); got != want {
			t.Errorf("%s: %d packages, want %d", what, got, want)
		}
		likeRPM(t, rpmdb.SQLite, dir)
		// The same without the shared-memory index, as after a crash or in a copy.
		bare := t.TempDir()
		copyDir(t, dir, bare)
		if err := os.Remove(filepath.Join(bare, "rpmdb.sqlite-shm")); err != nil {
			t.Fatal(err)
		}
		if got := len(load(t, bare)); got != want {
			t.Errorf("%s, without shm: %d packages, want %d", what, got, want)
		}
		likeRPM(t, rpmdb.SQLite, bare)
	}

	before := walSize(t, dir)
	o.do("delete 2")
	if walSize(t, dir) <= before {
		t.Fatal("the deletions are not in the log")
	}
	left := len(load(t, dir))
	if left >= all {
		t.Fatalf("%d packages after deletions, %d before", left, all)
	}
	expect("deletions in the log", left)

	o.do("copy")
	expect("additions in the log", 2*left)

	before = walSize(t, dir)
	o.do("begin")
	o.do("copy")
	if walSize(t, dir) <= before {
		t.Fatal("what is not committed is not in the log")
	}
	expect("an open transaction in the log", 2*left)
	o.do("rollback")
	expect("a rolled back transaction in the log", 2*left)

	o.do("checkpoint FULL")
	expect("a log copied back but kept", 2*left)
	o.do("checkpoint RESTART")
	o.do("delete 3") // overwrites the start of the log: old frames follow it
	left = len(load(t, dir))
	expect("a log begun anew over old frames", left)
	o.do("vacuum")
	expect("a vacuum in the log", left)
	o.do("checkpoint TRUNCATE")
	expect("an empty log", left)
}

// Other page sizes lay the trees out otherwise: all that fits on a page, and trees of several levels.
func TestPageSizesLikeRPM(t *testing.T) {
	needTool(t, "rpm", "rpm")
	dir := t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	o := startOther(t, dir)
	for _, size := range []int{512, 1024, 8192, 65536} {
		o.do(fmt.Sprint("pagesize ", size))
		head := make([]byte, 18)
		f, err := os.Open(filepath.Join(dir, "rpmdb.sqlite"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(f, head); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if got := int(head[16])<<8 | int(head[17]); got != size&0xffff+size>>16 {
			t.Fatalf("the page size is %d, not %d", got, size)
		}
		likeRPM(t, rpmdb.SQLite, dir)
		o.do("mode WAL")
		o.do("delete 7")
		likeRPM(t, rpmdb.SQLite, dir)
	}
}

// A damaged log counts up to the damage, as for sqlite.
func TestLogCutOff(t *testing.T) {
	needTool(t, "rpm", "rpm")
	dir := t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	o := startOther(t, dir)
	o.do("mode WAL")
	for i := 2; i < 7; i++ {
		o.do(fmt.Sprint("delete ", i))
	}
	size := walSize(t, dir)
	for i := range int64(12) {
		bare := t.TempDir()
		copyDir(t, dir, bare)
		if err := os.Remove(filepath.Join(bare, "rpmdb.sqlite-shm")); err != nil {
			t.Fatal(err)
		}
		wal := filepath.Join(bare, "rpmdb.sqlite-wal")
		if i%2 == 0 {
			if err := os.Truncate(wal, size*i/12); err != nil {
				t.Fatal(err)
			}
		} else {
			f, err := os.OpenFile(wal, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte("damage"), size*i/12); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		likeRPM(t, rpmdb.SQLite, bare)
	}
}

// While another process writes again and again, a read gives what was there between two transactions, or says that the
// database keeps changing.
func TestLoadWhileWritten(t *testing.T) {
	dir := liveDatabase(t)
	o := startOther(t, dir)
	o.do("mode WAL")
	o.do("blobs")
	done := make(chan string)
	go func() { done <- o.wait() }()
	o.send("flip 60")
	db := openDir(t, dir)
	loads, changing := 0, 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		pkgs, stamp, err := db.Load(context.Background())
		if errors.Is(err, rpmdb.ErrChanging) {
			changing++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		loads++
		names := map[string]int{}
		for _, p := range pkgs {
			names[p.Name]++
		}
		if len(names) != 1 || names["even"] != 40 && names["odd"] != 60 {
			t.Fatalf("half a transaction was read: %v, %+v", names, stamp)
		}
	}
	t.Logf("%d loads, %d given up", loads, changing)
	if loads == 0 {
		t.Error("no load succeeded")
	}
}

func TestStampTellsChanges(t *testing.T) {
	dir := t.TempDir()
	copyDir(t, realDatabase(t, "rockylinux-9"), dir)
	o := startOther(t, dir)
	o.do("mode WAL")
	db := openDir(t, dir)
	_, before, err := db.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if now, err := db.Stamp(); err != nil || now != before {
		t.Errorf("%+v, %v: not %+v, though nothing happened", now, err, before)
	}
	if len(load(t, dir)) == 0 {
		t.Error("nothing read")
	}
	if now, _ := db.Stamp(); now != before {
		t.Error("reading changed the stamp")
	}
	o.do("delete 2")
	if now, _ := db.Stamp(); now == before {
		t.Error("a deletion did not change the stamp")
	}
}
