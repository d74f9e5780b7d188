package file

import (
	"testing"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// A %config file whose package knows it by an old digest (MD5: rpms of EL 5 and
// of some vendors) cannot be compared; that it is gone says nothing, and ends
// no read.
func TestMissingConfigOfUnknownDigest(t *testing.T) {
	own := owners{}
	own.add("old", &rpmdb.File{Path: "/etc/old.conf", Mode: 0o100644, User: "root", Group: "root", Flags: rpmdb.FileConfig, Algo: rpmdb.MD5})
	rd := &reading{own: own}
	rd.missing([]string{"/etc"})
	if len(rd.found) != 0 || own.of("/etc/old.conf").pristine != (*hosts.Node)(nil) {
		t.Errorf("got %v", rd.found)
	}
}
