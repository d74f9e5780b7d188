package crontab_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hikae/engine/lens"
	"hikae/engine/lens/crontab"
	"hikae/modules/lenstest"
)

var corpus = []string{
	"", "\n \t\n", "# only a comment", " # indented\n\t#\n",
	"SHELL=/bin/bash\nMAILTO = \"\"\n'A B' = \" x \"\nEMPTY=\nPATH = /a b \n",
	"0 1 * * *  root\t/bin/x % y # z\n-*/5 * * * * taro  a\n@reboot b",
	"MAILTO=taro\r\n0-30/10,45 9-17 * jan-mar,12 Mon-Fri mbsync -q\r\n\r\n@daily x\r\n",
	"~ 1~5 ~3 2~ * random\n1 2 3 4 fri-sun x\n1 22-6 * * * never\n*/100 * * * * x\n",
	"* * * * * 日本 \xff\n* * * * * " + strings.Repeat("x", 50000) + "\n",
	"61 * * * * x\n@often y\n1 2 3 z\nA=\"b\" c\n'A=B' = c\nA='b\n",
}

func says(f *lens.File) string {
	var lines []string
	for _, n := range f.Root.Nodes {
		words := []string{}
		for i := range n.Words {
			words = append(words, n.Word(f.Source(), i))
		}
		line := strings.Join(words, "|")
		if when, ok := crontab.Job(f.Source(), n); ok {
			line = strings.Join(words[:when], "|") + " " + words[when]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"\n # c\n1 2 3 4 5  root x y \n":   "1|2|3|4|5 root x y",
		"-1 2 3 4 5 x\n@reboot\ty\r\n":     "1|2|3|4|5 x\n@reboot y",
		"A=b\n A B = c\n":                  `2:2: "A" is no minute`,
		"A = b c \n'A B'=\" c\"\nD=\n=e\n": "A|b c\n'A B'|\" c\"\nD\n|e",
		"1,2-3/2,*/5 * ~ jan-DEC sun,7 x":  "1,2-3/2,*/5|*|~|jan-DEC|sun,7 x",
		"61 * * * * x":                     `1:1: "61" is no minute`,
		"* 24 * * * x":                     `1:3: "24" is no hour`,
		"* * 0 * * x":                      `1:5: "0" is no day of the month`,
		"* * * 13 * x":                     `1:7: "13" is no month`,
		"* * * * mond x":                   `1:9: "mond" is no day of the week`,
		"* * * * */0 x":                    `1:9: "*/0" is no day of the week`,
		"* * * * *\n":                      "1:1: a job says when",
		"@daily\n":                         "1:1: a job says when",
		"@often x\n":                       `1:1: "@often" is none of`,
		"# ok\nA=\"b\" c\n":                `2:1: "A=\"b\"" is no minute`,
		"0-100/200 22-6 * 9-1 * x":         "0-100/200|22-6|*|9-1|* x",
		"* * 0-5 * * x":                    `1:5: "0-5" is no day of the month`,
		"5/10 * * * * x":                   `1:1: "5/10" is no minute`,
		"FOO\n":                            `1:1: "FOO" is no minute`,
		"-\n":                              "1:1: a job says when",
		"1 2 3 4 5 A=b\n1 2 3 4 5 echo 50% done#": "1|2|3|4|5 A=b\n1|2|3|4|5 echo 50% done#",
	} {
		f, err := crontab.Parse([]byte(src))
		if err != nil {
			if syntax := new(lens.SyntaxError); !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: %v, want %s", src, err, want)
			}
			continue
		}
		if got := says(f); got != want {
			t.Errorf("%q says %q, want %q", src, got, want)
		}
	}
}

// TestRead goes on behind lines that are no good.
func TestRead(t *testing.T) {
	f, bad := crontab.Read([]byte("1 2\nA=b\n@often x\n@daily y\n"))
	if got := says(f); got != "1 2\nA|b\n@often x\n@daily y" || len(bad) != 2 {
		t.Errorf("%q, %v", got, bad)
	}
}

func TestCheckSchedule(t *testing.T) {
	for s, ok := range map[string]bool{"@daily": true, "@often": false, "* * * * *": true, " 1\t2 3 4 5": true, "* * * *": false, "* 22-6 * * *": false, "*/61 * * * *": false, "*/60 * * * *": true, "* * * * fri-sun": true, "* * * * fri-mon": false, "@daily x": false, "1 1 1 1 +1": false, "~5 5~ ~ * *": true, "5~2 * * * *": false, "1/2 * * * *": false, "~/2 * * * *": false, "1-70/100 * * * *": false, "1-5/100 * * * *": false} {
		if why := crontab.CheckSchedule(s); (why == "") != ok {
			t.Errorf("%q: %s", s, why)
		}
	}
}

func TestPlace(t *testing.T) {
	for name, want := range map[string]string{"crontab": "/etc/crontab", "x.crontab": "/var/spool/cron/x.crontab", ".x": "/var/spool/cron/table"} {
		if got := crontab.Grammar().Place(name); got != want {
			t.Errorf("%s is at %s, want %s", name, got, want)
		}
	}
	if got := crontab.System().Place("raid-check"); got != "/etc/cron.d/raid-check" {
		t.Errorf("a system's table is at %s", got)
	}
}

func TestSystem(t *testing.T) {
	if _, err := crontab.System().Parse([]byte("A=b\n@daily root x\n")); err != nil {
		t.Error(err)
	}
	if _, err := crontab.System().Parse([]byte("A=b\n@daily x\n")); err == nil || !strings.HasPrefix(err.Error(), "2:8: a job of the system's") {
		t.Errorf("a job of nobody: %v", err)
	}
}

// tolerant is the grammar as crond reads: nothing is refused.
func tolerant() lens.Grammar {
	g := crontab.Grammar()
	g.Parse = func(src []byte) (*lens.File, error) {
		f, _ := crontab.Read(src)
		return f, nil
	}
	return g
}

func TestLaws(t *testing.T) {
	for _, src := range corpus {
		for n := range 5 {
			lenstest.Lossless(t, crontab.Grammar(), []byte(src))
			lenstest.Edits(t, tolerant(), []byte(src), n)
		}
	}
	part := rapid.SampledFrom([]string{"*", "1", "@daily", " ", "\t", "\n", "\r\n", "#", "=", "\"", "'", "-", "/", ",", "~", "\x00", "* * * * * x", "A"})
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(part, 0, 15).Draw(t, "parts"), ""))
		lenstest.Lossless(t, crontab.Grammar(), src)
		if lenstest.Lossless(t, tolerant(), src) {
			lenstest.Edits(t, tolerant(), src, rapid.IntRange(0, 5).Draw(t, "node"))
		}
	})
}

func FuzzCrontab(f *testing.F) {
	for i, src := range corpus {
		f.Add([]byte(src), i)
	}
	f.Fuzz(func(t *testing.T, src []byte, nth int) {
		lenstest.Lossless(t, crontab.Grammar(), src)
		if lenstest.Lossless(t, tolerant(), src) {
			lenstest.Edits(t, tolerant(), src, max(nth, 0))
		}
	})
}
