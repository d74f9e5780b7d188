package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hikae/engine/view"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return noon.Add(-d) }

// phone is a report with all that can be said.
func phone() *Report {
	return &Report{
		Running: true, Holder: "root@standby, hikae process 7", Now: noon,
		Status: Status{
			Process: 7, Started: before(time.Hour), Written: before(time.Second),
			Sources: []SourceStatus{
				{
					Host: "primary", State: followed, Since: before(2 * time.Hour), Changed: before(3 * time.Second), Generation: "20261128T115959Z",
					Alarms: []string{"/srv: it is not mounted: nothing below it is followed, and nothing is deleted for it"},
					Notes:  []string{"/var/www is looked at every 30 s: raise fs.inotify.max_user_watches"},
				},
				{Host: "old", State: away, Since: before(3 * time.Minute), Why: "cannot reach old: connection refused"},
			},
			Followers: []FollowerStatus{
				{
					Host: "standby", Source: "primary", State: InStep, Since: before(3 * time.Second), Seen: before(4 * time.Second), Applied: before(3 * time.Second), Changes: 12,
					Kinds:   map[string]KindStatus{"file": {Seen: before(4 * time.Second), Applied: before(3 * time.Second)}, "service": {}},
					Audited: before(12 * time.Minute), Audit: noon.Add(48 * time.Minute),
				},
				{
					Host: "vps", Source: "primary", State: Behind, Since: before(9 * time.Second), Behind: 2, Oldest: before(9 * time.Second), Seen: before(8 * time.Second),
					Waits: []string{"file:/etc/named.conf", "service:named.service"},
					Kinds: map[string]KindStatus{
						"file":    {Behind: 1, Oldest: before(9 * time.Second), HeldBack: 1},
						"service": {Behind: 1, Oldest: before(8 * time.Second)},
					},
					HeldBack: []Held{{Name: "file:/etc/httpd/conf.d/a-rather-long-name-of-a-virtual-host.conf", Why: "httpd -t: Syntax error on line 3: Invalid command 'Lisen'", Since: before(4 * time.Minute)}},
					Conflict: "2 files are to be merged by hand", Conflicted: before(26 * time.Hour),
					Drifted: 4, Drift: []string{"file:/a", "file:/b", "file:/c", "file:/d"}, Mended: true, Audited: before(time.Minute),
				},
				{Host: "bare", Source: "old", State: Waiting, Since: before(50 * time.Hour), Why: "look at it with hikae plan bare, then hikae apply bare"},
			},
			Mirrors: []MirrorStatus{
				{Host: "standby", Source: "primary", Root: "/var/www", InStep: true, Since: before(time.Hour), LastArrival: before(time.Minute), NextAudit: noon.Add(time.Minute), Foreign: 2, FirstForeign: "uploads/a"},
				{Host: "standby", Source: "primary", Root: "/srv/data", Since: before(5 * time.Minute), Files: 1200, Bytes: 3 << 30, Why: "a first copy is made"},
			},
		},
	}
}

const phoneText = `ALARM primary: /srv: it is not mounted:
  nothing below it is followed, and
  nothing is deleted for it
standby  in step, 3 s ago
  last change 4 s ago, applied 3 s ago
  file  in step, 3 s ago
  service  in step
  audit 12 min ago: no drift
  next audit in 48 min
vps  behind by 2, for 9 s
  last change 8 s ago, none applied yet
  file  1 behind for 9 s, 1 held back
  service  1 behind for 8 s
  waiting: file:/etc/named.conf
  waiting: service:named.service
  held back for 4 min:
    file:/etc/httpd/conf.d/a-rather-long
      -name-of-a-virtual-host.conf
    httpd -t: Syntax error on line 3:
      Invalid command 'Lisen'
  to merge by hand for 26 h:
    2 files are to be merged by hand
    hikae resolve vps
  audit 1 min ago: 4 had drifted, mended
  drifted: file:/a
  drifted: file:/b
  drifted: file:/c
  and 1 more
bare  waiting for a first apply, for 2 d
  2 h
  look at it with hikae plan bare, then
    hikae apply bare
  old is away for 3 min: what it was is
    kept
standby /var/www  in step, for 1 h
  2 of its own are left, such as
    uploads/a
  last arrival 1 min ago
  next audit in 1 min
standby /srv/data  behind, for 5 min
  1200 files, 3.0 GiB to bring
  a first copy is made
primary  followed, for 2 h
  generation 20261128T115959Z
  note: /var/www is looked at every 30
    s: raise fs.inotify.max_user_watches
old  away, for 3 min
  cannot reach old: connection refused
`

// It fits a phone, and says first how it is.
func TestText(t *testing.T) {
	got := phone().Text(Style{Width: 40})
	if diff := cmp.Diff(phoneText, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, got)
	}
	for _, l := range strings.Split(got, "\n") {
		if utf8.RuneCountInString(l) > 40 {
			t.Errorf("more than 40 columns: %q", l)
		}
	}
	wide := phone().Text(Style{})
	if !strings.Contains(wide, "/etc/httpd/conf.d/a-rather-long-name-of-a-virtual-host.conf\n") {
		t.Errorf("a pipe's lines are broken:\n%s", wide)
	}
	if strings.Contains(wide, "\x1b") {
		t.Error("colour, where none was asked for")
	}
	paint := func(tone view.Tone, s string) string { return "<" + string(tone) + ">" + s + "</>" }
	if got := phone().Text(Style{Width: 40, Paint: paint}); !strings.Contains(got, "<1>standby</>  <32>in step</>, 3 s ago\n") {
		t.Errorf("the headline has no colours:\n%s", got)
	}
}

// What a host says cannot steer the terminal.
func TestTextIsSafe(t *testing.T) {
	r := phone()
	r.Followers[0].State, r.Followers[0].Why = Away, "evil\x1b[2J"
	r.Sources[0].Alarms = []string{"\x1b]0;evil\a"}
	for _, s := range append(r.States(), r.Text(Style{Width: 40}), r.Text(Style{})) {
		if strings.ContainsAny(s, "\x1b\a") {
			t.Errorf("it steers the terminal: %q", s)
		}
	}
}

func TestLoopIsGone(t *testing.T) {
	for _, c := range []struct {
		change func(*Report)
		want   string
	}{
		{func(*Report) {}, "ALARM"},
		{func(r *Report) { r.Running = false }, "hikae watch does not run\n  last heard of 1 s ago\n  start it: systemctl start hikae-watch\nALARM"},
		{func(r *Report) { r.Silent, r.Written = true, before(time.Minute) }, "hikae watch: not heard of for 1 min\n  by root@standby, hikae process 7\nALARM"},
		{func(r *Report) { r.Status = Status{} }, "hikae watch starts\n"},
	} {
		r := phone()
		c.change(r)
		if got := r.Text(Style{Width: 40}); !strings.HasPrefix(got, c.want) {
			t.Errorf("want %q first, got\n%s", c.want, got)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 999 * time.Millisecond: "999 ms", time.Second: "1 s", 59900 * time.Millisecond: "59 s", time.Minute: "1 min",
		90 * time.Minute: "1 h 30 min", 47 * time.Hour: "47 h", 49 * time.Hour: "2 d 1 h",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Much that is held back for one reason is told once, and no page of a daemon's log.
func TestTextHeldBack(t *testing.T) {
	f := FollowerStatus{Host: "standby", State: HeldBack, Since: before(time.Minute)}
	for i := range 9 {
		why := "named: 1\n2\n3\n4\n5\n6"
		if i == 8 {
			why = "another"
		}
		f.HeldBack = append(f.HeldBack, Held{Name: fmt.Sprintf("file:/etc/%d", i), Why: why, Since: before(time.Minute)})
	}
	r := &Report{Running: true, Now: noon, Status: Status{Written: noon, Followers: []FollowerStatus{f}}}
	const want = `standby  9 held back, for 1 min
  held back for 1 min:
    file:/etc/0
    file:/etc/1
    file:/etc/2
    file:/etc/3
    file:/etc/4
    and 3 more
    named: 1
    2
    3
    4
    ... (--json has all of it)
  held back for 1 min:
    file:/etc/8
    another
`
	if got := r.Text(Style{Width: 40}); got != want {
		t.Errorf("got\n%s", got)
	}
}
