package inotify

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func raw(wd int32, mask, cookie uint32, name string) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, cookie)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(name)))
	return append(b, name...)
}

func TestParse(t *testing.T) {
	buf := bytes.Join([][]byte{
		raw(1, unix.IN_CREATE, 0, "a\x00\x00\x00"),
		raw(2, unix.IN_ATTRIB|unix.IN_ISDIR, 0, ""),
		raw(-1, unix.IN_Q_OVERFLOW, 0, ""),
		raw(3, unix.IN_MOVED_TO, 7, "caf\xe9"),
	}, nil)
	var got []event
	if err := parse(buf, func(e event) { got = append(got, e) }); err != nil {
		t.Fatal(err)
	}
	want := []event{{1, unix.IN_CREATE, 0, []byte("a")}, {2, unix.IN_ATTRIB | unix.IN_ISDIR, 0, nil}, {-1, unix.IN_Q_OVERFLOW, 0, nil}, {3, unix.IN_MOVED_TO, 7, []byte("caf\xe9")}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, e := range got {
		if w := want[i]; e.wd != w.wd || e.mask != w.mask || e.cookie != w.cookie || !bytes.Equal(e.name, w.name) {
			t.Errorf("got %+v, want %+v", e, w)
		}
	}
	if err := parse(buf[:len(buf)-1], func(event) {}); err == nil {
		t.Error("a name that is cut off is taken")
	}
	if err := parse(buf[:10], func(event) {}); err == nil {
		t.Error("an event that is cut off is taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(raw(1, unix.IN_CREATE, 0, "a\x00\x00\x00"))
	f.Add(append(raw(1, unix.IN_MOVED_FROM, 2, "a\x00"), raw(1, unix.IN_MOVED_TO, 2, "b\x00")...))
	f.Fuzz(func(t *testing.T, buf []byte) {
		size := 0
		err := parse(buf, func(e event) {
			size += unix.SizeofInotifyEvent + len(e.name)
			if bytes.IndexByte(e.name, 0) >= 0 {
				t.Errorf("a name with a zero byte: %q", e.name)
			}
		})
		if err == nil && size > len(buf) {
			t.Errorf("%d bytes of events in %d", size, len(buf))
		}
		direntries(buf, func(name []byte, _ byte) {
			if len(name) == 0 || bytes.IndexByte(name, 0) >= 0 {
				t.Errorf("an entry called %q", name)
			}
		})
	})
}

// Before Linux 5.6 a path is opened part by part, and comes to the same.
func TestOpenStepwise(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "a/b")
	put(t, dir, "a/file", "")
	must(t, os.Symlink("a", filepath.Join(dir, "link")))
	for _, stepwise := range []bool{false, true} {
		k, err := openKernel(dir)
		must(t, err)
		defer k.close()
		k.stepwise = stepwise
		for p, there := range map[string]bool{"/": true, "/a": true, "/a/b": true, "/none": false, "/a/none/x": false, "/a/file": false, "/link": false, "/link/b": false} {
			fd, err := k.open(p)
			if (err == nil) != there || err != nil && !gone(err) {
				t.Errorf("stepwise %v: %s: %v", stepwise, p, err)
			}
			if err != nil {
				continue
			}
			var is, want unix.Stat_t
			must(t, unix.Fstat(fd, &is))
			must(t, unix.Stat(filepath.Join(dir, p), &want))
			if is.Ino != want.Ino {
				t.Errorf("stepwise %v: %s is another", stepwise, p)
			}
			must(t, k.list(fd, make([]byte, 4096), func([]byte, byte) {}))
			must(t, unix.Close(fd))
		}
	}
}
