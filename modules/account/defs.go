package account

import (
	"strconv"
	"strings"
)

// defs is what login.defs(5) says, as far as it matters here.
type defs struct {
	uidMin, uidMax, sysUIDMin, sysUIDMax uint32
	gidMin, gidMax, sysGIDMin, sysGIDMax uint32
	passMin, passMax, passWarn           int64 // days
}

// nobody is the overflow id: above the people's range and no person.
const nobody = 65534

// parseDefs reads login.defs; what it does not say is as on RHEL 8.
func parseDefs(data []byte) defs {
	d := defs{
		uidMin: 1000, uidMax: 60000, sysUIDMin: 201, sysUIDMax: 999,
		gidMin: 1000, gidMax: 60000, sysGIDMin: 201, sysGIDMax: 999,
		passMin: 0, passMax: 99999, passWarn: 7,
	}
	ids := map[string]*uint32{
		"UID_MIN": &d.uidMin, "UID_MAX": &d.uidMax, "SYS_UID_MIN": &d.sysUIDMin, "SYS_UID_MAX": &d.sysUIDMax,
		"GID_MIN": &d.gidMin, "GID_MAX": &d.gidMax, "SYS_GID_MIN": &d.sysGIDMin, "SYS_GID_MAX": &d.sysGIDMax,
	}
	days := map[string]*int64{"PASS_MIN_DAYS": &d.passMin, "PASS_MAX_DAYS": &d.passMax, "PASS_WARN_AGE": &d.passWarn}
	for l := range strings.SplitSeq(string(data), "\n") {
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		if p := ids[f[0]]; p != nil {
			if id, err := parseID(f[1]); err == nil {
				*p = id
			}
		}
		if p := days[f[0]]; p != nil {
			if n, err := strconv.ParseInt(f[1], 10, 32); err == nil && n >= -1 {
				*p = n
			}
		}
	}
	return d
}

func (d defs) systemUser(uid uint32) bool  { return uid < d.uidMin || uid == nobody }
func (d defs) systemGroup(gid uint32) bool { return gid < d.gidMin || gid == nobody }

// freeID finds an id that is not taken: for people the one above the highest
// in use, for the system the highest that is free, as useradd does.
func freeID(taken map[uint32]string, lo, hi uint32, system bool) (uint32, bool) {
	if system {
		for id := hi; id >= lo && id > 0; id-- {
			if taken[id] == "" {
				return id, true
			}
		}
		return 0, false
	}
	top := lo
	for id := range taken {
		if id >= top && id < hi {
			top = id + 1
		}
	}
	for _, from := range []uint32{top, lo} { // then any gap
		for id := from; id <= hi && id >= lo; id++ {
			if taken[id] == "" {
				return id, true
			}
		}
	}
	return 0, false
}
