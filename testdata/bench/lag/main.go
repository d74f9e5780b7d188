// Lag measures how long a change on one host takes to be on another: from the
// rename of a file into its place below FROM to its new content below TO.
//
//	lag -stage DIR [flags] FROM TO
//
// Both are directories of this machine, such as the roots of two of the lab's
// hosts as they are mounted here: one clock, and the kernel's own word for the
// arrival (inotify(7)), with no host asked and nothing polled. What wakes it
// takes well under a millisecond.
//
// It prints a line for each round, in milliseconds: until the content was
// there and, with -ask, until the daemon that reads it answered by it. With
// -burst it prints when the first and the last of so many changes were there.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type settings struct {
	from, to string
	stage    string
	name     string // %d: which file
	text     string // %d: which round
	ask      string
	files    int
	rounds   int
	burst    int
	gap      time.Duration
	patience time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.stage, "stage", "", "a `directory` of FROM's file system that nobody watches: there a file is written before it is renamed into its place")
	flag.StringVar(&s.name, "name", "lag-%d.conf", "the files' `name`s; %d is the number of one")
	flag.StringVar(&s.text, "text", "# round %d\n", "their `content`; %d is the number of the round")
	flag.StringVar(&s.ask, "ask", "", "a `URL` whose daemon must answer by the new content: http://ADDRESS/PATH, which redirects to it; dns://ADDRESS/NAME, whose TXT record it is")
	flag.IntVar(&s.files, "files", 10, "how `many` are changed in turn")
	flag.IntVar(&s.rounds, "rounds", 100, "how many changes are timed, after one for each file that is not")
	flag.IntVar(&s.burst, "burst", 0, "change so `many` files at once, once a round")
	flag.DurationVar(&s.gap, "gap", 300*time.Millisecond, "the least time between two rounds; at random up to twice that")
	flag.DurationVar(&s.patience, "patience", time.Minute, "how long to wait for a change")
	flag.Parse()
	if flag.NArg() != 2 || s.stage == "" || s.files < 1 {
		flag.Usage()
		os.Exit(2)
	}
	s.from, s.to = flag.Arg(0), flag.Arg(1)
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, "lag:", err)
		os.Exit(1)
	}
}

func (s settings) run() error {
	w, err := newArrivals(s.to)
	if err != nil {
		return err
	}
	defer w.close()
	if s.burst > 0 {
		return s.bursts(w)
	}
	base := int(time.Now().UnixMilli() % 1e9) // no round of an earlier run again
	for i := range s.files + s.rounds {
		name, text := with(s.name, i%s.files), with(s.text, base+i)
		began, err := s.place(map[string]string{name: text})
		if err != nil {
			return err
		}
		there, err := w.wait(map[string]string{name: text}, began.Add(s.patience))
		if err != nil {
			return err
		}
		line := ms(there.Sub(began))
		if s.ask != "" {
			if err := answers(s.ask, strconv.Itoa(base+i), began.Add(s.patience)); err != nil {
				return err
			}
			line += " " + ms(time.Since(began))
		}
		if i >= s.files {
			fmt.Println(line)
		}
		time.Sleep(s.gap + rand.N(s.gap))
	}
	return nil
}

// bursts changes all files of a burst as fast as it can. A round that is not
// timed goes before, which makes them.
func (s settings) bursts(w *arrivals) error {
	base := int(time.Now().UnixMilli() % 1e9)
	for i := range 1 + s.rounds {
		texts := map[string]string{}
		for n := range s.burst {
			texts[with(s.name, n)] = with(s.text, base+i)
		}
		began, err := s.place(texts)
		if err != nil {
			return err
		}
		var first time.Time
		w.arrived = func(at time.Time) {
			if first.IsZero() {
				first = at
			}
		}
		last, err := w.wait(texts, began.Add(s.patience))
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Println(ms(first.Sub(began)), ms(last.Sub(began)))
		}
		time.Sleep(s.gap + rand.N(s.gap))
	}
	return nil
}

func with(template string, number int) string {
	return strings.ReplaceAll(template, "%d", strconv.Itoa(number))
}

// place renames new contents into their places, and returns when it began to.
func (s settings) place(texts map[string]string) (time.Time, error) {
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(s.stage, name), []byte(text), 0o644); err != nil {
			return time.Time{}, err
		}
	}
	began := time.Now()
	for name := range texts {
		if err := os.Rename(filepath.Join(s.stage, name), filepath.Join(s.from, name)); err != nil {
			return time.Time{}, err
		}
	}
	return began, nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
