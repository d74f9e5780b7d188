package packages

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// ErrInconsistent is wrapped by the error of an apply that found the rpm
// database in the state that a transaction leaves when it is cut off, and could
// not repair it. Nothing else was changed.
var ErrInconsistent = errors.New("the rpm database is not consistent")

// installed is what rpm says is installed at this moment: versions by name and
// architecture.
type installed struct {
	native   string
	versions map[nameArch][]rpmdb.EVR
}

type nameArch struct{ name, arch string }

// queryFormat gives one line a package; see rpm-queryformat(7).
const queryFormat = `%{NAME}\t%|EPOCH?{%{EPOCH}}:{0}|\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n`

// installedNow asks rpm. The Reader's memory of the database would not do: an
// earlier agent's transaction may have ended since.
func (m *Module) installedNow(ctx context.Context, h hosts.Host) (installed, error) {
	argv := []string{"rpm", "-qa", "--qf", queryFormat}
	if m.installRoot != "" {
		argv = append(argv, "--root", m.installRoot)
	}
	res, err := h.Run(ctx, hosts.Cmd{Argv: argv})
	if err != nil {
		return installed{}, fmt.Errorf("cannot list the installed packages: %w", err)
	}
	if res.Code != 0 {
		return installed{}, fmt.Errorf("cannot list the installed packages: rpm -qa: %s", lastLine(res.Stderr))
	}
	versions, err := parseInstalled(res.Stdout)
	if err != nil {
		return installed{}, fmt.Errorf("cannot list the installed packages: %w", err)
	}
	return installed{h.Facts().Arch, versions}, nil
}

func parseInstalled(out []byte) (map[nameArch][]rpmdb.EVR, error) {
	versions := map[nameArch][]rpmdb.EVR{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("cannot read the line %q of rpm -qa", lines.Text())
		}
		if f[0] == keyPackage {
			continue
		}
		evr, err := rpmdb.ParseEVR(f[1] + ":" + f[2] + "-" + f[3])
		if err != nil {
			return nil, err
		}
		na := nameArch{f[0], f[4]}
		versions[na] = append(versions[na], evr)
	}
	return versions, lines.Err()
}

// find returns the installed packages that a wish is about: of its name, and
// of its architecture or one that has no mark in a label.
func (in installed) find(w wish) []Version {
	candidates := []string{w.arch}
	if w.arch == "" {
		candidates = []string{in.native, "noarch"}
	}
	var found []Version
	for _, arch := range candidates {
		for _, evr := range in.versions[nameArch{w.name, arch}] {
			found = append(found, Version{evr, arch})
		}
	}
	return found
}

// has tells whether a wish for a package is fulfilled.
func (in installed) has(w wish) bool {
	found := in.find(w)
	if w.version == nil {
		return len(found) > 0
	}
	return len(found) == 1 && found[0].Arch == w.version.Arch && found[0].EVR == w.version.EVR
}

// check fails with ErrInconsistent where a package is installed twice. Of the
// host's own packages, kernels foremost, several versions are meant to be.
func (in installed) check() error {
	var twice []string
	for na, evrs := range in.versions {
		if _, own := rules.HostOnlyPackage(na.name); len(evrs) > 1 && !own {
			twice = append(twice, na.name+"."+na.arch)
		}
	}
	if len(twice) == 0 {
		return nil
	}
	slices.Sort(twice)
	more := ""
	if n := len(twice) - maxNamed; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
		twice = twice[:maxNamed]
	}
	return fmt.Errorf("%w: a transaction was cut off and left two versions of %s%s: repair it with dnf remove --duplicates, then apply again",
		ErrInconsistent, strings.Join(twice, ", "), more)
}

func lastLine(b []byte) string {
	b = bytes.TrimSpace(b)
	return string(b[bytes.LastIndexByte(b, '\n')+1:])
}
