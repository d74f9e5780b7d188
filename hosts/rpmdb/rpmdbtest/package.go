package rpmdbtest

import (
	"encoding/hex"
	"path"

	"hikae/hosts/rpmdb"
)

// A Package is what a header is made from. Files are listed in the order rpm has them, by path.
type Package struct {
	Name, Version, Release, Arch string
	Epoch                        uint32 // 0 for none
	Summary, Description         string
	Vendor, SourceRPM            string
	ModularityLabel              string
	InstallTime, BuildTime       int64
	SigKeyID                     string // 16 hex digits of a key; the signature's number itself is invented
	Requires, Provides           []rpmdb.Dep
	Changelog                    []string     // newest first
	Files                        []rpmdb.File // State is that of the installed file; Algo is SHA256 for all
}

// Header lays the package's header out as rpm 4.14 has it in its database.
func (p *Package) Header() []byte {
	var h Header
	h.Strings(100, []string{"C"})
	h.String(1000, p.Name)
	h.String(1001, p.Version)
	h.String(1002, p.Release)
	if p.Epoch != 0 {
		h.Uint32s(1003, p.Epoch)
	}
	h.I18NString(1004, p.Summary)
	h.I18NString(1005, p.Description)
	h.Uint32s(1006, uint32(p.BuildTime))
	if p.Vendor != "" {
		h.String(1011, p.Vendor)
	}
	h.String(1014, "MIT")
	h.I18NString(1016, "Unspecified")
	h.String(1021, "linux")
	if p.Arch != "" {
		h.String(1022, p.Arch)
	}
	if p.SourceRPM != "" {
		h.String(1044, p.SourceRPM)
	}
	h.String(1064, "4.14.3")
	var times []uint32
	var names []string
	for i := range p.Changelog {
		times = append(times, uint32(p.BuildTime-86400*30*int64(i+1)))
		names = append(names, "Example Packager <packager@example.org> - "+p.Version)
	}
	h.Uint32s(1080, times...)
	h.Strings(1081, names)
	h.Strings(1082, p.Changelog)
	h.deps(p.Provides, 1047, 1112, 1113)
	h.deps(p.Requires, 1049, 1048, 1050)
	h.files(p.Files)
	if p.ModularityLabel != "" {
		h.String(5096, p.ModularityLabel)
	}

	h.Install()
	if p.SigKeyID != "" {
		h.Sign(p.SigKeyID, p.BuildTime)
	}
	h.Uint32s(1008, uint32(p.InstallTime))
	h.Uint32s(1127, 0)
	h.Uint32s(1128, uint32(p.InstallTime))
	states := make([]byte, len(p.Files))
	for i, f := range p.Files {
		states[i] = byte(f.State)
	}
	h.Chars(1029, states)
	return h.Bytes()
}

func (h *Header) deps(deps []rpmdb.Dep, nameTag, flagsTag, versionTag uint32) {
	var names, versions []string
	var flags []uint32
	for _, d := range deps {
		names, versions, flags = append(names, d.Name), append(versions, d.Version), append(flags, uint32(d.Flags))
	}
	h.Strings(nameTag, names)
	h.Uint32s(flagsTag, flags...)
	h.Strings(versionTag, versions)
}

func (h *Header) files(files []rpmdb.File) {
	var (
		sizes, mtimes, flags, verify, devices, inodes, colors, dirIndexes []uint32
		modes, rdevs                                                      []uint16
		digests, links, users, groups, langs, caps, bases, dirs           []string
	)
	var total, anyCaps = int64(0), false
	dirNumbers := map[string]uint32{}
	for i, f := range files {
		dir, base := path.Split(f.Path)
		if _, ok := dirNumbers[dir]; !ok {
			dirNumbers[dir] = uint32(len(dirs))
			dirs = append(dirs, dir)
		}
		dirIndexes, bases = append(dirIndexes, dirNumbers[dir]), append(bases, base)
		sizes, mtimes, modes = append(sizes, uint32(f.Size)), append(mtimes, uint32(f.MTime)), append(modes, uint16(f.Mode))
		flags, verify = append(flags, uint32(f.Flags)), append(verify, uint32(f.Verify))
		digests, links = append(digests, hex.EncodeToString(f.Digest)), append(links, f.LinkTo)
		users, groups = append(users, f.User), append(groups, f.Group)
		caps, anyCaps = append(caps, f.Caps), anyCaps || f.Caps != ""
		rdevs, devices, inodes = append(rdevs, 0), append(devices, 1), append(inodes, uint32(i+1))
		langs, colors = append(langs, ""), append(colors, 0)
		total += f.Size
	}
	h.Uint32s(1009, uint32(total))
	h.Uint32s(1028, sizes...)
	h.Uint16s(1030, modes)
	h.Uint16s(1033, rdevs)
	h.Uint32s(1034, mtimes...)
	h.Strings(1035, digests)
	h.Strings(1036, links)
	h.Uint32s(1037, flags...)
	h.Strings(1039, users)
	h.Strings(1040, groups)
	h.Uint32s(1045, verify...)
	h.Uint32s(1095, devices...)
	h.Uint32s(1096, inodes...)
	h.Strings(1097, langs)
	h.Uint32s(1116, dirIndexes...)
	h.Strings(1117, bases)
	h.Strings(1118, dirs)
	h.Uint32s(1140, colors...)
	h.Uint32s(1141, colors...) // each file's class, all of them the first
	h.Strings(1142, []string{"data"}[:min(len(files), 1)])
	if anyCaps {
		h.Strings(5010, caps)
	}
	if len(files) > 0 {
		h.Uint32s(5011, uint32(rpmdb.SHA256))
	}
}
