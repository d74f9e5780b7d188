package mirror

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/hosts"
)

// A file on the target that has a name outside of the tree is never changed in
// place: it would be changed there too.
func TestNameOutsideOfTheTree(t *testing.T) {
	for name, outside := range map[string]string{"the same bytes": "secret\n", "others": "SECRET\n"} {
		for _, live := range []bool{false, true} {
			s := newSides(t, nil)
			at := time.Now().Add(-time.Hour)
			s.sh("echo secret >f; echo secret >g; ln g h")
			for _, f := range []string{"/f", "/g"} {
				if err := os.Chtimes(s.src.Path(root+f), at, at); err != nil {
					t.Fatal(err)
				}
			}
			s.ok()
			s.dst.Write("/srv/outside", outside)
			run(t, s.dst.Path("/srv"), "chmod 600 outside; touch -r data/f outside; ln -f outside data/f; ln -f outside data/g; ln -f outside data/h")
			s.sh("chmod 666 f; chown 1000 f; chmod 666 g")
			p, err := s.m.open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			if live {
				err = p.live(t.Context(), []hosts.Seen{{Path: root + "/f"}, {Path: root + "/g"}})
			}
			if err == nil && (!live || p.auditAgain) {
				err = p.audit(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			s.equal()
			var st unix.Stat_t
			if err := unix.Stat(s.dst.Path("/srv/outside"), &st); err != nil {
				t.Fatal(err)
			}
			if got := s.dst.Text("/srv/outside"); got != outside || st.Mode&0o777 != 0o600 || st.Uid != 0 || st.Nlink != 1 {
				t.Errorf("%s, live: %v: it is %q, mode %o, of %d, %d names", name, live, got, st.Mode, st.Uid, st.Nlink)
			}
		}
	}
}

// The metadata of a file of several names needs none of its bytes sent.
func TestMetadataOfSeveralNames(t *testing.T) {
	s := newSides(t, nil)
	s.sh("head -c 300000 /dev/urandom >a; ln a b; mkdir d; ln a d/c")
	s.ok()
	before := s.bytes()
	for _, step := range []string{"chmod 600 b", "touch -d 2001-01-01 a", "chown 1000:1000 d/c"} {
		s.sh(step)
		s.ok()
	}
	if sent := s.bytes() - before; sent != 0 {
		t.Errorf("%d bytes were sent", sent)
	}
}
