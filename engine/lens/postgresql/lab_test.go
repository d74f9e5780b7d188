package postgresql_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/postgresql"
	"hikae/modules/lenstest"
)

// ask starts a PostgreSQL of its own and has it read each file: pg_file_settings
// and pg_hba_file_rules read theirs anew each time. A line of JSON each.
const ask = `chown -R postgres . && chmod 755 . && runuser -u postgres -- bash -c '
set -e
/usr/lib/postgresql/15/bin/initdb -D data -A trust -E SQL_ASCII --locale=C --no-sync >/dev/null
: >data/postgresql.conf
/usr/lib/postgresql/15/bin/pg_ctl -D data -w -s -l log -o "-k $PWD -c listen_addresses=" start
trap "/usr/lib/postgresql/15/bin/pg_ctl -D data -s -m immediate stop" EXIT
{
	for f in *.conf; do
		echo "\\! cp $f data/postgresql.conf"
		echo "select jsonb_build_object(\$\$file\$\$, \$\$$f\$\$, \$\$rows\$\$, jsonb_agg(s)) from (select name, setting, error from pg_file_settings order by seqno) s;"
	done
	for f in *.hba; do
		echo "\\! cp $f data/pg_hba.conf"
		echo "select jsonb_build_object(\$\$file\$\$, \$\$$f\$\$, \$\$rows\$\$, jsonb_agg(s)) from (select type, database, user_name, address, auth_method, options, error from pg_hba_file_rules order by line_number) s;"
	done
} >script
psql -h "$PWD" -d postgres -AtqX -f script'`

type answer struct {
	File string
	Rows []struct {
		Name, Setting, Error *string
		Type, Address        *string
		Database, Options    []string
		User                 []string `json:"user_name"`
		Method               *string  `json:"auth_method"`
	}
}

func picker(r *rand.Rand) func(...string) string {
	return func(all ...string) string { return all[r.IntN(len(all))] }
}

func confFile(r *rand.Rand) string {
	pick := picker(r)
	var b strings.Builder
	for range 1 + r.IntN(2) {
		b.WriteString(pick("", " ", "\t") + pick("work_mem", "Work_Mem", "my.setting", "a.b.c", "1x", "_x.y1", "\xc3\xa9.z", "#x", "") +
			pick(" ", "=", " = ", "\t=", "", "==") +
			pick("4MB", "'4 MB'", "on", "1.5", ".5", "1e3", "-1", "+0x1Fk", "0xZZ", "1.5GB", "a.b", "a-b:c/d", "'it''s'", `'a\'b\n\101\8'`, "'open", "$x", "", "'a' 'b'", "a b", "'\xc3\xa9'", "x#c", "-", ".", "1.2.3", "US/Eastern", "e-mail") +
			pick("", " ", " # c", "#c", "\r", " x") + pick("\n", "\r\n"))
	}
	return b.String()
}

func hbaFile(r *rand.Rand) string {
	pick := picker(r)
	var b strings.Builder
	for range 1 + r.IntN(2) {
		sep := pick(" ", "\t  ", "  ")
		b.WriteString(pick("", " ", ",") + pick("local", "host", "host", "hostssl", "hostnossl", `"local"`, "lcal", "local,host", "# local") + sep +
			pick("all", "a,b", "a, b", `"x y"`, `"a"",b"`, "replication", "", "sameuser,\"all\"") + sep + pick("all", "+g", "u1 ,u2", "\"U\"x", `""`) + sep +
			pick("", "10.0.0.0/8", "10.0.0.0/33", "::1/128", "10.0.0.1", "10.0.0.0 255.0.0.0", "::1 255.0.0.0", "example.com", ".example.com", "example.com/8", "all", "samenet", "127.1/32", "10.0.0.0/", "1.2.3.4,5.6.7.8/32") + sep +
			pick("trust", "md5", "reject", "peer", "ident", "scram-sha-256", "cert", "secret", "", "md5,trust", "\"trust\"") +
			pick("", "", " map=x", " map", " map=\"a b\"", " bad=1", " # c", " ,", " \\", "\\", " clientcert=verify-full", " krb_realm=X", " \"map=y z\"", ",map=z") + pick("\n", "\r\n"))
	}
	return b.String()
}

// TestLabPostgreSQL compares with PostgreSQL: what it refuses, and what it reads.
func TestLabPostgreSQL(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	files := map[string]string{}
	for i := range 500 {
		files[fmt.Sprintf("%05d.conf", i)] = confFile(r)
		files[fmt.Sprintf("%05d.hba", i)] = hbaFile(r)
	}
	count := map[string]int{}
	for out := range strings.Lines(lenstest.Daemon(t, files, ask)) {
		var got answer
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		src := files[got.File]
		var want []string
		refused, unsure := "", false
		conf := strings.HasSuffix(got.File, ".conf")
		for _, row := range got.Rows {
			switch {
			case row.Error != nil && strings.Contains(*row.Error, "SSL is disabled"):
				unsure = true // on this server, not of this rule
			case row.Error != nil && (!conf || strings.Contains(*row.Error, "syntax error")):
				refused = *row.Error
			case conf:
				want = append(want, *row.Name+"|"+*row.Setting)
			default:
				slices.Sort(row.Options)
				address := ""
				if row.Address != nil && strings.Trim(*row.Address, "0123456789.:") != "" {
					address = *row.Address // addresses and masks are written anew
				}
				want = append(want, fmt.Sprintf("%s %q %q %s %s %q", *row.Type, row.Database, row.User, address, *row.Method, row.Options))
			}
		}
		var f *lens.File
		var err error
		var have []string
		if conf {
			if f, err = postgresql.Parse([]byte(src)); err == nil {
				for _, n := range f.Root.Nodes {
					have = append(have, n.Name(f.Source())+"|"+postgresql.Unquote(n.Word(f.Source(), 1)))
				}
			}
		} else if f, err = postgresql.ParseHBA([]byte(src)); err == nil {
			have = rules(t, f)
		}
		switch {
		case unsure:
		case err != nil && refused != "":
			count["refused"]++
		case err != nil:
			t.Errorf("%q is refused: %v; PostgreSQL takes it", src, err)
		case refused != "":
			t.Errorf("%q is taken; PostgreSQL: %s", src, refused)
		case !slices.Equal(have, want):
			t.Errorf("%q says\n%q; PostgreSQL:\n%q", src, have, want)
		default:
			count["taken"]++
		}
	}
	t.Logf("%d files: %v by both", len(files), count)
	if count["taken"] < 100 || count["refused"] < 100 {
		t.Error("too few of one sort to say anything")
	}
}

// rules are a file's rules as pg_hba_file_rules shows them, without addresses.
func rules(t *testing.T, f *lens.File) []string {
	var all []string
	for _, n := range f.Root.Nodes {
		if len(n.Words) == 0 {
			continue
		}
		var fields [][]postgresql.Token
		for i := range n.Words {
			fields = append(fields, postgresql.Tokens(n.Word(f.Source(), i)))
		}
		r, err := postgresql.ParseRule(fields)
		if err != nil {
			t.Errorf("%q: %v", f.Source(), err)
			continue
		}
		texts := func(tokens []postgresql.Token) []string {
			var s []string
			for _, tok := range tokens {
				s = append(s, tok.Text)
			}
			return s
		}
		var options []string
		for _, o := range r.Options {
			options = append(options, o.Name+"="+o.Value)
		}
		if r.Method == "cert" && !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "clientcert=") }) {
			options = append(options, "clientcert=verify-full") // as PostgreSQL takes it
		}
		slices.Sort(options)
		method := r.Method
		if r.Type == "local" && method == "ident" {
			method = "peer"
		}
		address, _, _ := strings.Cut(r.Address.Text, "/")
		if strings.Trim(address, "0123456789.:") == "" {
			address = ""
		}
		all = append(all, fmt.Sprintf("%s %q %q %s %s %q", r.Type, texts(r.Databases), texts(r.Users), address, method, options))
	}
	return all
}
