package rpmdb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
)

// A File is a path that a package owns, as it was packaged.
type File struct {
	Path   string // raw bytes; absolute in all real packages, but nothing about it is checked
	Mode   uint32 // st_mode: type and permissions
	Size   int64  // bytes
	MTime  int64  // seconds since 1970
	Digest []byte // of the content; nil for what is no regular file, and for ghosts
	Algo   DigestAlgo
	LinkTo string // target of a symbolic link
	User   string
	Group  string
	Caps   string // file capabilities in the form of cap_to_text(3); "" for none
	Flags  FileFlags
	Verify VerifyFlags
	State  FileState
}

// FileFlags are rpmfileAttrs_e of rpm's rpmfiles.h.
type FileFlags uint32

const (
	FileConfig    FileFlags = 1 << 0 // %config
	FileDoc       FileFlags = 1 << 1 // %doc
	FileMissingOK FileFlags = 1 << 3 // %config(missingok)
	FileNoReplace FileFlags = 1 << 4 // %config(noreplace)
	FileGhost     FileFlags = 1 << 6 // %ghost
	FileLicense   FileFlags = 1 << 7 // %license
	FileReadme    FileFlags = 1 << 8 // %readme
	FileArtifact  FileFlags = 1 << 12
)

// Has tells whether all of want are set.
func (f FileFlags) Has(want FileFlags) bool { return f&want == want }

// VerifyFlags say which attributes rpm -V compares: rpmVerifyAttrs_e. All are set but for those a package excludes.
type VerifyFlags uint32

const (
	VerifyDigest VerifyFlags = 1 << 0
	VerifySize   VerifyFlags = 1 << 1
	VerifyLinkTo VerifyFlags = 1 << 2
	VerifyUser   VerifyFlags = 1 << 3
	VerifyGroup  VerifyFlags = 1 << 4
	VerifyMTime  VerifyFlags = 1 << 5
	VerifyMode   VerifyFlags = 1 << 6
	VerifyRdev   VerifyFlags = 1 << 7
	VerifyCaps   VerifyFlags = 1 << 8
)

// Has tells whether all of want are set.
func (f VerifyFlags) Has(want VerifyFlags) bool { return f&want == want }

// A FileState tells what came of a file when its package was installed: rpmfileState_e.
type FileState int8

const (
	StateMissing      FileState = -1 // the database does not say
	StateNormal       FileState = 0
	StateReplaced     FileState = 1 // another package's file took its place
	StateNotInstalled FileState = 2 // left out, as by --excludedocs
	StateNetShared    FileState = 3 // left out, on a shared file system
	StateWrongColor   FileState = 4 // another architecture's file has precedence
)

// Installed tells whether the package put this file in place and it is still its own.
func (s FileState) Installed() bool { return s == StateNormal || s == StateNetShared }

// A DigestAlgo is an OpenPGP hash algorithm's number.
type DigestAlgo uint8

const (
	MD5    DigestAlgo = 1
	SHA1   DigestAlgo = 2
	SHA256 DigestAlgo = 8
	SHA384 DigestAlgo = 9
	SHA512 DigestAlgo = 10
	SHA224 DigestAlgo = 11
)

// Files returns the package's files in the order of its header, which is that of rpm -ql.
func (p *Package) Files() ([]File, error) {
	files, err := p.files()
	if err != nil {
		return nil, fmt.Errorf("cannot read the files of %s: %w", p.NEVRA(), err)
	}
	return files, nil
}

func (p *Package) files() ([]File, error) {
	paths, err := p.paths()
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	a, err := p.header.fileArrays(len(paths))
	if err != nil {
		return nil, err
	}
	files := make([]File, len(paths))
	for i := range files {
		f := &files[i]
		f.Path = paths[i]
		if err := a.fill(f, i); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Paths returns the raw paths of the package's files, in the order of Files, at a fraction of its cost.
func (p *Package) Paths() ([]string, error) {
	paths, err := p.paths()
	if err != nil {
		return nil, fmt.Errorf("cannot read the files of %s: %w", p.NEVRA(), err)
	}
	return paths, nil
}

// paths joins each base name to its directory. All of them share one piece of memory.
func (p *Package) paths() ([]string, error) {
	bases, err := p.header.strs(tagBaseNames)
	if err != nil {
		return nil, err
	}
	if bases.len() == 0 {
		names, err := p.header.strs(tagFileNamesLegacy)
		if err != nil {
			return nil, err
		}
		return names.all()
	}
	dirs, indexes, err := p.header.dirs(bases.len())
	if err != nil {
		return nil, err
	}
	size, names := 0, bases
	for i := range bases.len() {
		base, err := names.next()
		if err != nil {
			return nil, err
		}
		if uint64(indexes.at(i)) >= uint64(len(dirs)) {
			return nil, dirIndexError(i, indexes.at(i), len(dirs))
		}
		if size += len(dirs[indexes.at(i)]) + len(base); size > maxPathBytes {
			return nil, errPaths
		}
	}
	var b strings.Builder
	b.Grow(size)
	paths, names := make([]string, bases.len()), bases
	for i := range paths {
		base, err := names.next()
		if err != nil {
			return nil, err
		}
		from := b.Len()
		b.WriteString(dirs[indexes.at(i)])
		b.WriteString(base)
		paths[i] = b.String()[from:]
	}
	return paths, nil
}

// maxPathBytes bounds the paths of one package: a small header can name one long directory for a million files.
const maxPathBytes = 256 << 20

var errPaths = fmt.Errorf("more than %d bytes of paths", maxPathBytes)

// fileArrays are the tags with an item for each file. A tag may be absent, and its array is then empty.
type fileArrays struct {
	modes                               uint16Array
	sizes, mtimes, flags, verify        uint32Array
	longSizes                           uint64Array
	states                              string
	digests, links, users, groups, caps stringArray
	algo                                DigestAlgo
	digestBytes                         []byte // where the next digests go: one piece of memory for many
}

func (h header) fileArrays(n int) (*fileArrays, error) {
	a := &fileArrays{algo: MD5}
	var errs [13]error
	a.modes, errs[0] = h.uint16s(tagFileModes)
	a.sizes, errs[1] = h.uint32s(tagFileSizes)
	a.longSizes, errs[2] = h.uint64s(tagLongFileSizes)
	a.mtimes, errs[3] = h.uint32s(tagFileMTimes)
	a.flags, errs[4] = h.uint32s(tagFileFlags)
	a.verify, errs[5] = h.uint32s(tagFileVerifyFlags)
	a.states, errs[6] = h.fixed(tagFileStates, typeChar, 1)
	a.digests, errs[7] = h.strs(tagFileDigests)
	a.links, errs[8] = h.strs(tagFileLinkTos)
	a.users, errs[9] = h.strs(tagFileUserName)
	a.groups, errs[10] = h.strs(tagFileGroupName)
	a.caps, errs[11] = h.strs(tagFileCaps)
	var algo uint32
	var given bool
	if algo, given, errs[12] = h.uint32(tagFileDigestAlgo); given {
		a.algo = DigestAlgo(min(algo, math.MaxUint8)) // which is none
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, got := range []struct {
		tag uint32
		n   int
	}{
		{tagFileModes, a.modes.len()}, {tagFileSizes, a.sizes.len()}, {tagLongFileSizes, a.longSizes.len()},
		{tagFileMTimes, a.mtimes.len()}, {tagFileFlags, a.flags.len()}, {tagFileVerifyFlags, a.verify.len()},
		{tagFileStates, len(a.states)}, {tagFileDigests, a.digests.len()}, {tagFileLinkTos, a.links.len()},
		{tagFileUserName, a.users.len()}, {tagFileGroupName, a.groups.len()}, {tagFileCaps, a.caps.len()},
	} {
		if got.n != 0 && got.n != n {
			return nil, tagError(got.tag, fmt.Sprintf("has %d items for %d files", got.n, n))
		}
	}
	return a, nil
}

// fill sets all but the path of file i. It is called for each file in turn.
func (a *fileArrays) fill(f *File, i int) error {
	if a.modes.len() > 0 {
		f.Mode = uint32(a.modes.at(i))
	}
	switch {
	case a.longSizes.len() > 0:
		size := a.longSizes.at(i)
		if size > math.MaxInt64 {
			return tagError(tagLongFileSizes, "has a size that is not possible")
		}
		f.Size = int64(size)
	case a.sizes.len() > 0:
		f.Size = int64(a.sizes.at(i))
	}
	if a.mtimes.len() > 0 {
		f.MTime = int64(a.mtimes.at(i))
	}
	if a.flags.len() > 0 {
		f.Flags = FileFlags(a.flags.at(i))
	}
	f.Verify = ^VerifyFlags(0)
	if a.verify.len() > 0 {
		f.Verify = VerifyFlags(a.verify.at(i))
	}
	f.State = StateMissing
	if a.states != "" {
		f.State = FileState(a.states[i]) //nolint:gosec // stored as a signed number
	}
	var digest string
	for _, s := range []struct {
		from *stringArray
		to   *string
	}{{&a.digests, &digest}, {&a.links, &f.LinkTo}, {&a.users, &f.User}, {&a.groups, &f.Group}, {&a.caps, &f.Caps}} {
		if s.from.len() == 0 {
			continue
		}
		var err error
		if *s.to, err = s.from.next(); err != nil {
			return err
		}
	}
	if digest == "" {
		return nil
	}
	f.Algo = a.algo
	var err error
	if f.Digest, err = a.unhex(digest); err != nil {
		return fmt.Errorf("%q: its digest: %w", f.Path, err)
	}
	return nil
}

// skip goes past a file that is not asked for, in place of fill.
func (a *fileArrays) skip() error {
	for _, s := range []*stringArray{&a.digests, &a.links, &a.users, &a.groups, &a.caps} {
		if s.len() == 0 {
			continue
		}
		if _, err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

// unhex decodes a digest. Digests share pieces of memory of up to digestChunk bytes.
func (a *fileArrays) unhex(digest string) ([]byte, error) {
	n := hex.DecodedLen(len(digest))
	if len(a.digestBytes) < n {
		a.digestBytes = make([]byte, max(n, min(digestChunk, n*(a.digests.len()+1))))
	}
	d := a.digestBytes[:n:n]
	a.digestBytes = a.digestBytes[n:]
	_, err := hex.Decode(d, []byte(digest))
	return d, err
}

const digestChunk = 4096
