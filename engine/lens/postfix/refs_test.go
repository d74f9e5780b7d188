package postfix_test

import (
	"fmt"
	"strings"
	"testing"

	"hikae/engine/lens/postfix"
)

func TestRefs(t *testing.T) {
	main := parse(t, postfix.Main(), "alias_maps = hash:/etc/aliases,\n# x\n nis:mail.aliases\ntype = lmdb\na = $(type):${config_directory}/a pcre:/x\nb = proxy:btree:/b/../c, { check_client_access texthash:/d }\nsmtp_sasl_password_maps=hash:/p\nloop = $loop hash:$loop\n")
	master := parse(t, postfix.Master(), "smtp inet n - n - - smtpd -o c=cdb:/e -odbm_maps=dbm:/f\n  -o { g = hash:/h,\n  hash:/i } hash:/j\n")
	var got []string
	for _, r := range postfix.Refs(main, master) {
		got = append(got, fmt.Sprintf("%s %s:%s %v %v %v %v", r.Param, r.Type, r.Path, r.Compiled(), r.Alias(), r.Password(), r.Master))
	}
	want := `alias_maps hash:/etc/aliases true true false false
a lmdb:/etc/postfix/a true false false false
b btree:/c true false false false
b texthash:/d false false false false
smtp_sasl_password_maps hash:/p true false true false
c cdb:/e true false false true
dbm_maps dbm:/f true false false true
g hash:/h true false false true
g hash:/i true false false true`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if refs := postfix.Refs(nil, nil); len(refs) > 0 {
		t.Errorf("of nothing: %v", refs)
	}
}
