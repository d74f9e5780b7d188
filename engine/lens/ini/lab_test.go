package ini_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hikae/engine/lens"
	"hikae/engine/lens/ini"
	"hikae/modules/lenstest"
)

// numbered are files by short names, and the names in order.
func numbered(texts []string, suffix string) (map[string]string, []string) {
	files := map[string]string{}
	var names []string
	for i, text := range texts {
		name := fmt.Sprintf("f%04d%s", i, suffix)
		files[name] = text
		names = append(names, name)
	}
	return files, names
}

func texts(t *testing.T, suffix string) []string {
	var all []string
	for _, text := range corpus(t, suffix) {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

var cnfPieces = []string{
	"[mysqld]\n", "[client]\n", " [a b ] x\n", "[", "]", "\n", "\n", "\r\n", " ", "\t", "\xa0", "#", ";", "!", "'", "\"", "\\", "\\n", "\\s", "\\\"", "=", " = ", "key", "log-bin\n",
	"a_b=1\n", "x = \"y # z\" # w\n", "!includedir /none", "!include /none\n", "! include  /none\n", "é", "\x00",
}

// MariaDB's own program says of a file what the tree says: which of its options
// are in a group, and whether it is refused.
func TestLabMyCnf(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	files, names := numbered(slices.Concat(texts(t, ".cnf"), mutated(texts(t, ".cnf"), cnfPieces, 700, r), built(cnfPieces, 700, r), []string{
		"[mysqld]\nlong=" + strings.Repeat("x", 5000) + "\n#" + strings.Repeat("y", 4093) + "tail=1\n",
	}), ".cnf")
	out := lenstest.Daemon(t, files, `for f in f*.cnf; do echo "=== file $f"; LC_ALL=C my_print_defaults --defaults-file="$PWD/$f" mysqld client mysqld-10.3 client-server 'a b' 2>/dev/null; echo "-- $?"; done`)
	parts := strings.Split(out, "=== file ")[1:]
	if len(parts) != len(names) {
		t.Fatalf("%d answers of %d", len(parts), len(names))
	}
	wrong := 0
	for i, name := range names {
		said := strings.TrimPrefix(parts[i], name+"\n")
		at := strings.LastIndex(said, "-- ")
		refused := said[at:] != "-- 0\n"
		f, err := ini.ParseMyCnf([]byte(files[name]))
		switch {
		case refused != (err != nil):
			// A directory that is not there is not the grammar's to refuse. An equals
			// sign without an option has MariaDB read what was before the line.
			if err == nil && strings.Contains(files[name], "includedir") || err != nil && strings.Contains(err.Error(), "without an option") {
				continue
			}
			t.Errorf("%q: MariaDB says %q, we say %v", files[name], said, err)
		case err == nil && cnfSays(f) != said[:at]:
			t.Errorf("%q: MariaDB says %q, we say %q", files[name], said[:at], cnfSays(f))
		default:
			continue
		}
		if wrong++; wrong > 20 {
			t.FailNow()
		}
	}
}

// cnfSays is what my_print_defaults prints.
func cnfSays(f *lens.File) string {
	var b strings.Builder
	for _, s := range f.Root.Nodes {
		if !s.Block || !slices.Contains([]string{"mysqld", "client", "mysqld-10.3", "client-server", "a b"}, s.Name(f.Source())) {
			continue
		}
		for _, n := range s.Nodes {
			name := n.Name(f.Source())
			switch {
			case strings.HasPrefix(name, "!") || len(n.Words) == 0:
			case len(n.Words) == 1:
				b.WriteString("--" + name + "\n")
			default:
				b.WriteString("--" + name + "=" + ini.MyCnfValue(n.Word(f.Source(), 1)) + "\n")
			}
		}
	}
	return b.String()
}

var fpmPieces = []string{
	"a", "b c", " ", " ", "\t", "=", "= ", "'", "\"", "\\", "${", "}", "$", "$x", ";", "&", "|", "(", ")", "~", "!", "^", "on", "off", "yes", "null", "none", "1", "-2.5", "é", "[", "]", ",", ":", "#", "\r",
	"{", "apache", "\\\"", "\\\\", "''", "'x y'", "\"q r\"", "foo", ".", "k = ", "k[s] = ",
}

// PHP's own scanner says of each line what the tree says: php-fpm reads each by
// itself.
func TestLabFPMLines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var lines []string
	for _, text := range slices.Concat(texts(t, ".conf"), mutated(texts(t, ".conf"), fpmPieces, 100, r)) {
		lines = append(lines, strings.Split(strings.ToValidUTF8(text, "?"), "\n")...)
	}
	lines = append(lines, built(fpmPieces, 6000, r)...)
	in, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	out := lenstest.Daemon(t, map[string]string{"in.json": string(in), "p.php": `<?php
error_reporting(0);
foreach (json_decode(file_get_contents("in.json")) as $line) {
	$said = parse_ini_string($line . "\n", true, INI_SCANNER_NORMAL);
	echo json_encode($said, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}`}, "php p.php")
	said := strings.Split(strings.TrimSpace(out), "\n")
	if len(said) != len(lines) {
		t.Fatalf("%d answers of %d", len(said), len(lines))
	}
	wrong := 0
	for i, line := range lines {
		f, err := ini.ParseFPM([]byte(line + "\n"))
		if (err != nil) != (said[i] == "false") {
			t.Errorf("%q: PHP says %s, we say %v", line, said[i], err)
		} else if ours, known := fpmSays(f); err == nil && known && !sameJSON(said[i], ours) {
			t.Errorf("%q: PHP says %s, we say %v", line, said[i], ours)
		} else {
			continue
		}
		if wrong++; wrong > 20 {
			t.FailNow()
		}
	}
}

// sameJSON compares what PHP printed, to which an empty array is a list.
func sameJSON(theirs string, ours any) bool {
	b, err := json.Marshal(ours)
	if err != nil {
		return false
	}
	var a any
	if json.Unmarshal([]byte(theirs), &a) != nil {
		return false
	}
	again, err := json.Marshal(a)
	return err == nil && strings.ReplaceAll(string(again), "[]", "{}") == strings.ReplaceAll(string(b), "[]", "{}")
}

// fpmSays is what PHP would say of a line. It reports false where that hangs on
// constants and variables.
func fpmSays(f *lens.File) (map[string]any, bool) {
	says, known := map[string]any{}, true
	if f == nil {
		return says, true
	}
	put := func(in map[string]any, n *lens.Node) {
		if len(n.Words) != 2 {
			return
		}
		v, ok := ini.FPMValue(n.Word(f.Source(), 1))
		known = known && ok
		name := n.Name(f.Source())
		base, sub, array := strings.Cut(name, "[")
		if strings.ContainsAny(name, "'\"$\\]") && !array || strings.ContainsAny(sub, "'\"$\\ \t") || array && sub == "]" {
			known = false
		}
		if !array {
			in[name] = v
			return
		}
		inner, _ := in[strings.TrimSpace(base)].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
		}
		inner[strings.TrimSuffix(sub, "]")] = v
		in[strings.TrimSpace(base)] = inner
	}
	for _, n := range f.Root.Nodes {
		if !n.Block {
			put(says, n)
			continue
		}
		name := n.Name(f.Source())
		if strings.ContainsAny(name, "'\"$\\") {
			known = false
		}
		section := map[string]any{}
		for _, c := range n.Nodes {
			put(section, c)
		}
		says[name] = section
	}
	return says, known
}

var unitPieces = []string{
	"[Unit]\n", "[Service]\n", "[X-Own]\n", "Description=", "Documentation=man:x\n", "Description = a\n", "\\\n", "\\", " \\\n", "\n", "\n", "\r\n", "\r", " ", "\t", "#", ";", "# c\n", "; c \\\n", "=", "x", "é", "\xff", "[", "]", "]\n", "no\n", "a b", "\"q\"", "\\\\\n",
}

// systemd itself says of unit files what the tree says: whether it loads them,
// and what the description is.
func TestLabUnits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	all := slices.Concat(mutated(texts(t, ".service"), unitPieces, 300, r), built(unitPieces, 400, r))
	files := map[string]string{}
	for i, text := range all {
		// A target needs nothing to be loaded.
		files[fmt.Sprintf("hikae-lens-%04d.target", i)] = text
	}
	const script = `d=/run/systemd/system; trap 'rm -f $d/hikae-lens-*.target; systemctl daemon-reload' EXIT
cp hikae-lens-*.target $d/ && systemctl daemon-reload && systemctl show -p Id,LoadState,Description hikae-lens-*.target`
	out := lenstest.Daemon(t, files, script)
	parts := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(parts) != len(files) {
		t.Fatalf("%d answers of %d", len(parts), len(files))
	}
	wrong := 0
	for _, part := range parts {
		says := map[string]string{}
		for line := range strings.SplitSeq(part, "\n") {
			key, value, _ := strings.Cut(line, "=")
			says[key] = value
		}
		name, description, state := says["Id"], says["Description"], says["LoadState"]
		f, err := ini.ParseUnit([]byte(files[name]))
		if (err != nil) != (state != "loaded") {
			t.Errorf("%q: systemd says %s, we say %v", files[name], state, err)
		} else if err == nil && unitSays(f, name) != description {
			t.Errorf("%q: systemd says %q, we say %q", files[name], description, unitSays(f, name))
		} else {
			continue
		}
		if wrong++; wrong > 20 {
			t.FailNow()
		}
	}
}

// unitSays is the description of a unit.
func unitSays(f *lens.File, name string) string {
	said := name
	for _, n := range ini.Settings(f.Source(), ini.Named(f, "Unit"), "Description") {
		said = ini.UnitValue(n.Word(f.Source(), 1))
		if said == "" {
			said = name
		}
	}
	return said
}
