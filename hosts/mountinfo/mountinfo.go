// Package mountinfo reads the kernel's table of mounts, as
// /proc/PID/mountinfo shows it: proc_pid_mountinfo(5).
package mountinfo

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// Mount is one line of the table.
type Mount struct {
	ID string // of this mount, and of no other that is there at the time
	// Root is what of its file system is mounted, a path in that.
	Root string
	// Gone: Root was removed, or another was renamed over it; what is mounted
	// is what was there before.
	Gone    bool
	Point   string   // where it is mounted, as the reader sees it
	Options []string // of the mount, not of its file system: rw, nosuid, ...
	Device  string   // of its file system: "major:minor"
	Type    string   // of its file system: ext4, overlay, ...
}

// maxLine bounds a line in bytes: an overlay of many layers has long options.
const maxLine = 1 << 20

// Read gives the mounts in the order of the table. It ends with an error where
// a line is none of a table's.
func Read(r io.Reader) iter.Seq2[Mount, error] {
	return func(yield func(Mount, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), maxLine)
		for lines.Scan() {
			m, err := parse(lines.Text())
			if !yield(m, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Mount{}, fmt.Errorf("cannot read mounts: %w", err))
		}
	}
}

func parse(line string) (Mount, error) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return Mount{}, fmt.Errorf("cannot read mounts: %q is no line of them", line)
	}
	m := Mount{ID: fields[0], Point: Unescape(fields[4]), Options: strings.Split(fields[5], ","), Device: fields[2]}
	for i, f := range fields[6:] { // optional fields end in a hyphen
		if f == "-" && 6+i+1 < len(fields) {
			m.Type = fields[6+i+1]
			break
		}
	}
	m.Root, m.Gone = strings.CutSuffix(Unescape(fields[3]), "//deleted")
	return m, nil
}

// Unescape undoes what stands for blanks and backslashes here and in fstab(5): a
// backslash and three octal digits.
func Unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
