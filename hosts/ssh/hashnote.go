package ssh

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Hashing a program of 18 MB costs as much as a plan of a host. So what was hashed
// is noted, with what no write to the file leaves as it is; as on a host: see
// startScript.

// asItIs says whether a file is as it was: device, inode, size, and both times.
// settled is false where it may be written again without one of them changing.
func asItIs(f *os.File) (text string, settled bool) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", false
	}
	const tick = 2 * time.Second
	changed := time.Unix(st.Ctim.Unix())
	text = fmt.Sprintf("%d %d %d %d %d %q", st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano(), f.Name())
	return text, time.Since(changed) > tick
}

// noted finds the hash of a file that is as it was when it was noted; "" for none.
// A line is the hash and what asItIs says.
func (b *Binaries) noted(asItIs string) string {
	if b.Notes == "" {
		return ""
	}
	raw, err := os.ReadFile(b.Notes)
	if err != nil {
		return ""
	}
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		const size = 64
		if line := s.Text(); len(line) > size && line[size] == ' ' && line[size+1:] == asItIs {
			return line[:size]
		}
	}
	return ""
}

// note remembers a hash, and forgets the oldest where there are many. What cannot
// be noted is hashed again the next time.
func (b *Binaries) note(hash, asItIs string) {
	if b.Notes == "" {
		return
	}
	raw, _ := os.ReadFile(b.Notes) // "" where there is none yet
	lines := bytes.SplitAfter(raw, []byte("\n"))
	const most = 8
	lines = lines[max(0, len(lines)-most):]
	f, err := os.CreateTemp(filepath.Dir(b.Notes), ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(append(bytes.Join(lines, nil), hash+" "+asItIs+"\n"...))
	if cerr := f.Close(); err == nil && cerr == nil && os.Rename(f.Name(), b.Notes) == nil {
		return
	}
	_ = os.Remove(f.Name())
}
