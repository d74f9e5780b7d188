package mountinfo

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const table = `22 1 0:20 / / rw - overlay overlay rw
36 35 98:0 /a /mnt\040two rw,nosuid,relatime master:1 - ext3 /dev/root rw
31 22 0:20 /etc/named.conf//deleted /var/named/chroot/etc/named.conf rw - overlay overlay rw
`
	var got []Mount
	for m, err := range Read(strings.NewReader(table)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	want := []Mount{
		{ID: "22", Root: "/", Point: "/", Options: []string{"rw"}, Device: "0:20", Type: "overlay"},
		{Root: "/a", Point: "/mnt two", Options: []string{"rw", "nosuid", "relatime"}, Device: "98:0", Type: "ext3"},
		{Root: "/etc/named.conf", Gone: true, Point: "/var/named/chroot/etc/named.conf", Options: []string{"rw"}, Device: "0:20", Type: "overlay"},
	}
	if !slices.EqualFunc(got, want, func(a, b Mount) bool {
		return (b.ID == "" || a.ID == b.ID) && a.Root == b.Root && a.Gone == b.Gone && a.Device == b.Device && a.Type == b.Type && a.Point == b.Point && slices.Equal(a.Options, b.Options)
	}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	n := 0
	for _, err := range Read(strings.NewReader("36 35\n" + table)) {
		if n++; err == nil {
			t.Error("a line of two fields is taken")
		}
	}
	if n != 1 {
		t.Errorf("it goes on after a line that cannot be read: %d", n)
	}
}

func TestUnescape(t *testing.T) {
	if got := Unescape(`/a\040b\134c\9`); got != "/a b\\c\\9" {
		t.Errorf("got %q", got)
	}
}
