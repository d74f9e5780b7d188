package lint

import (
	"fmt"
	"strings"
	"testing"

	"hikae/hosts"
)

var rio1 = hosts.Facts{Hostname: "rio1.rio.st", Interfaces: []string{"eth0", "br0"}, Addresses: []string{"192.168.1.11/24", "10.0.0.1/8", "2001:db8::11/64"}}

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"Listen 192.168.1.11:80":                        "own-address 192.168.1.11",
		"192.168.1.110 192.168.1.1 1192.168.1.11":       "",
		"192.168.1.11.5 a192.168.1.11":                  "",
		"listen-on { 192.168.1.11; };":                  "own-address 192.168.1.11",
		"allow 10.0.0.1/32, [2001:DB8:0::11]:443":       "own-address 10.0.0.1, own-address 2001:db8::11",
		"2001:db8::111":                                 "",
		"ServerName RIO1.rio.st. and rio1.rio.st.other": "own-name rio1.rio.st",
		"myhostname=rio1 xrio1 rio1-a www.rio1":         "own-name rio1",
		"interface: eth0, eth00 veth0 br0:":             "own-interface eth0, own-interface br0",
		"":                                              "",
		":::: ... abcdef":                               "",
	} {
		var got []string
		for _, h := range OwnOf(rio1).find([]byte(text)) {
			got = append(got, h.rule+" "+h.value)
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("in %q is %q, not %q", text, s, want)
		}
	}
}

func TestReplace(t *testing.T) {
	mine := OwnOf(rio1)
	other := OwnOf(hosts.Facts{Hostname: "rio2.rio.st", Interfaces: []string{"ens3"}, Addresses: []string{"10.9.9.2/16", "192.168.1.12/24", "2001:db8:1::12/64"}})
	by := mine.ReplaceBy(other)
	for value, want := range map[[2]string]string{
		{OwnAddress, "192.168.1.11"}: "192.168.1.12 true",
		{OwnAddress, "2001:db8::11"}: "2001:db8:1::12 true",
		{OwnAddress, "10.0.0.1"}:     " false",
		{OwnName, "rio1.rio.st"}:     "rio2.rio.st true",
		{OwnName, "rio1"}:            "rio2 true",
		{OwnInterface, "eth0"}:       "ens3 true",
	} {
		got, ok := by(value[0], value[1])
		if s := fmt.Sprint(got, " ", ok); s != want {
			t.Errorf("%s becomes %s, not %s", value, s, want)
		}
	}
	if rest := mine.Without(mine); !rest.Empty() {
		t.Errorf("%+v", rest)
	}
}

func TestAlone(t *testing.T) {
	own := OwnOf(hosts.Facts{Hostname: "rio1.example.com", Addresses: []string{"192.0.2.11/24", "fd00::11/64"}})
	for text, want := range map[string]bool{
		"Listen 192.0.2.11:80":                                  true,
		"listen-on { 127.0.0.1; 192.0.2.11; };":                 true,
		"listen-on-v6 { ::1; fd00::11; };":                      true,
		"myhostname = rio1.example.com":                         true,
		"mynetworks = 127.0.0.0/8, 192.0.2.11/32, 192.0.2.1/32": false,
		"mynetworks = [::1]/128 [fd00::11]/128 [fd00::1]/128":   false,
		"also-notify { 192.0.2.2; };":                           false,
		"Listen 0.0.0.0:80":                                     false,
	} {
		if got := own.Alone([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
