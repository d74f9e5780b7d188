package rpmdb

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Package is an installed package, or an imported key, as the database has it. Its files and dependencies are decoded
// when they are asked for, from the header, which it keeps in memory. A Package does not change and may be used by several
// goroutines.
type Package struct {
	Num     uint32 // record number in the database
	Name    string
	Version string
	Release string
	Arch    string // "" for imported keys

	Epoch    uint32
	HasEpoch bool // an epoch of 0 that was given differs from none in NEVRA alone

	Vendor          string
	Summary         string
	SourceRPM       string // file name of the source package; "" for imported keys
	ModularityLabel string // name:stream:version:context of the module it came from; "" for none

	InstallTime int64 // seconds since 1970
	BuildTime   int64 // seconds since 1970
	Size        int64 // bytes of all files

	// SigKeyID is the id of the key that signed the package, 16 hex digits as rpm prints them; "" when it is unsigned.
	// Nothing was verified.
	SigKeyID string

	header header
}

// ParseHeader reads the header of a package that is not in a database: that of an rpm file, without the magic number and
// the four bytes behind it. It has no signature, which such a file keeps in another header.
func ParseHeader(blob string) (*Package, error) { return newPackage(record{blob: blob}) }

func newPackage(r record) (*Package, error) {
	h, err := parseHeader(r.blob)
	if err != nil {
		return nil, err
	}
	p := &Package{Num: r.num, header: h}
	for _, f := range []struct {
		tag uint32
		to  *string
	}{
		{tagName, &p.Name}, {tagVersion, &p.Version}, {tagRelease, &p.Release}, {tagArch, &p.Arch},
		{tagVendor, &p.Vendor}, {tagSummary, &p.Summary}, {tagSourceRPM, &p.SourceRPM}, {tagModularityLabel, &p.ModularityLabel},
	} {
		s, err := h.str(f.tag)
		if err != nil {
			return nil, err
		}
		*f.to = strings.Clone(s) // so that a name kept does not keep the whole header
	}
	if p.SourceRPM == "(none)" { // so rpm --import writes it
		p.SourceRPM = ""
	}
	if p.Name == "" || p.Version == "" || p.Release == "" {
		return nil, errors.New("the header lacks a name, a version or a release")
	}
	if err := p.numbers(); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	if p.SigKeyID, err = h.signingKey(); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return p, nil
}

func (p *Package) numbers() error {
	var err error
	if p.Epoch, p.HasEpoch, err = p.header.uint32(tagEpoch); err != nil {
		return err
	}
	for _, f := range []struct {
		tag uint32
		to  *int64
	}{{tagInstallTime, &p.InstallTime}, {tagBuildTime, &p.BuildTime}, {tagSize, &p.Size}} {
		n, _, err := p.header.uint32(f.tag)
		if err != nil {
			return err
		}
		*f.to = int64(n)
	}
	long, err := p.header.uint64s(tagLongSize) // of packages of 4 GiB and more
	if err != nil {
		return err
	}
	if long.len() > 0 {
		size := long.at(0)
		if size > math.MaxInt64 {
			return tagError(tagLongSize, "is a size that is not possible")
		}
		p.Size = int64(size)
	}
	return nil
}

// NEVRA is name-epoch:version-release.arch, as rpm's %{NEVRA}: the epoch and the arch are left out when there is none.
func (p *Package) NEVRA() string {
	var b strings.Builder
	b.WriteString(p.Name)
	b.WriteByte('-')
	if p.HasEpoch {
		fmt.Fprintf(&b, "%d:", p.Epoch)
	}
	b.WriteString(p.Version)
	b.WriteByte('-')
	b.WriteString(p.Release)
	if p.Arch != "" {
		b.WriteByte('.')
		b.WriteString(p.Arch)
	}
	return b.String()
}

// String is the NEVRA, so that a package printed in passing does not spill its whole header.
func (p *Package) String() string { return p.NEVRA() }

// EVR is what packages of one name are compared by.
func (p *Package) EVR() EVR { return EVR{p.Epoch, p.Version, p.Release} }

// IsKey tells whether this is no package but a key imported with rpm --import: its Version is the key id's last 8 hex
// digits, its Release the time of its making as hex digits.
func (p *Package) IsKey() bool { return p.Name == "gpg-pubkey" }

// KeyText is the armoured text of an imported key, and "" for a package.
func (p *Package) KeyText() (string, error) {
	if !p.IsKey() {
		return "", nil
	}
	s, err := p.header.str(tagDescription)
	if err != nil {
		return "", fmt.Errorf("cannot read the key %s: %w", p.NEVRA(), err)
	}
	return s, nil
}

// RawHeader is the header as it stands in the database, without a magic number before it.
func (p *Package) RawHeader() string { return p.header.blob }
