package local

import (
	"bytes"
	"io"
	"path"
	"strings"
)

// loginFiles are the files without which an account could not log in and become
// root as it did: its authorized keys, and the files of sudoers(5) that name it.
func (h *Host) loginFiles(account string) []string {
	var out []string
	if home := h.home(account); home != "" {
		for _, name := range []string{"authorized_keys", "authorized_keys2"} { // sshd_config(5), AuthorizedKeysFile
			p := path.Join(home, ".ssh", name)
			if _, err := h.Stat(p); err == nil {
				out = append(out, p)
			}
		}
	}
	if account == "root" {
		return out
	}
	sudoers := []string{"/etc/sudoers"}
	names, err := h.ReadDir("/etc/sudoers.d")
	if err == nil {
		for _, n := range names {
			sudoers = append(sudoers, path.Join("/etc/sudoers.d", n))
		}
	}
	for _, p := range sudoers {
		if b, err := h.readSmall(p); err == nil && namesAccount(b, account) {
			out = append(out, p)
		}
	}
	return out
}

func (h *Host) readSmall(p string) ([]byte, error) {
	f, err := h.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// home is an account's home, "" where it has none that is a path.
func (h *Host) home(account string) string {
	b, err := h.readSmall("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		f := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(f) == 7 && f[0] == account && checkPath("read", f[5]) == nil {
			return f[5]
		}
	}
	return ""
}

// namesAccount reports whether a line of sudoers that is no comment holds the
// account as a word.
func namesAccount(sudoers []byte, account string) bool {
	for line := range bytes.Lines(sudoers) {
		text, _, _ := strings.Cut(string(line), "#")
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,=:()!", r) })
		for _, w := range words {
			if w == account {
				return true
			}
		}
	}
	return false
}
