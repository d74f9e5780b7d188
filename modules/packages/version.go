package packages

import (
	"fmt"
	"slices"
	"strings"

	"hikae/hosts/rpmdb"
)

// Version is what the attribute version says: [EPOCH:]VERSION-RELEASE.ARCH.
type Version struct {
	rpmdb.EVR
	Arch string
}

// String is the inverse of ParseVersion.
func (v Version) String() string { return v.EVR.String() + "." + v.Arch }

// ParseVersion reads a version. All but the epoch must be there.
func ParseVersion(s string) (Version, error) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 || !slices.Contains(arches, s[dot+1:]) {
		return Version{}, fmt.Errorf("cannot read the package version %q: want [EPOCH:]VERSION-RELEASE.ARCH", s)
	}
	evr, err := rpmdb.ParseEVR(s[:dot])
	if err != nil {
		return Version{}, err
	}
	if evr.Release == "" || strings.ContainsFunc(s, notInVersion) {
		return Version{}, fmt.Errorf("cannot read the package version %q: want [EPOCH:]VERSION-RELEASE.ARCH", s)
	}
	return Version{evr, s[dot+1:]}, nil
}

// notInVersion holds for what rpm's ALLOWED_CHARS_EVR (build/parsePreamble.c)
// leaves out, and for a second - or :.
func notInVersion(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("._+~^-:{}%", r)
}

// arches are the architectures that packages are built for, from rpm's rpmrc.
var arches = []string{
	"noarch", "x86_64", "x86_64_v2", "x86_64_v3", "x86_64_v4", "i386", "i486", "i586", "i686", "athlon",
	"aarch64", "armv7hl", "ppc64le", "ppc64", "s390x", "riscv64",
}

// label is the name of the resource for a package on a host whose own
// architecture is native.
func label(name, arch, native string) string {
	if arch == "noarch" || arch == native || arch == "" || native == "" {
		return name
	}
	return name + "." + arch
}

// splitLabel is the inverse of label; arch is "" where the label has none. A
// package's own name may hold dots: only a known architecture counts as one.
func splitLabel(s string) (name, arch string) {
	if dot := strings.LastIndexByte(s, '.'); dot > 0 && slices.Contains(arches, s[dot+1:]) {
		return s[:dot], s[dot+1:]
	}
	return s, ""
}

// checkName refuses what cannot be the name of a package and might be taken
// for something else on its way to rpm.
func checkName(name string) error {
	bad := strings.ContainsFunc(name, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune("._+-", r)
	})
	if bad || name == "" || strings.HasPrefix(name, "-") || strings.HasPrefix(name, ".") {
		return fmt.Errorf("%q is not the name of a package", name)
	}
	return nil
}
