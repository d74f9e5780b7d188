package watch

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"hikae/engine/control"
	"hikae/states"
)

func TestBehindFor(t *testing.T) {
	up := &SourceStatus{State: followed, Since: before(time.Hour)}
	for name, c := range map[string]struct {
		f      FollowerStatus
		source *SourceStatus
		want   time.Duration
	}{
		"in step":            {FollowerStatus{State: InStep, Since: before(time.Hour)}, up, 0},
		"behind":             {FollowerStatus{State: Behind, Since: before(time.Hour), Oldest: before(time.Minute)}, up, time.Minute},
		"held back":          {FollowerStatus{State: HeldBack, HeldBack: []Held{{Since: before(time.Minute)}, {Since: before(2 * time.Minute)}}}, up, 2 * time.Minute},
		"away":               {FollowerStatus{State: Away, Since: before(time.Hour)}, up, time.Hour},
		"on hold, and alike": {FollowerStatus{State: OnHold, Since: before(time.Hour)}, up, 0},
		"on hold, unlike":    {FollowerStatus{State: OnHold, Since: before(time.Hour), Oldest: before(time.Minute)}, up, time.Minute},
		"to be merged":       {FollowerStatus{State: InStep, Conflicted: before(time.Minute)}, up, time.Minute},
		"its source is away": {FollowerStatus{State: InStep, Since: before(time.Hour)}, &SourceStatus{State: away, Since: before(time.Minute)}, time.Minute},
		"a clock that steps": {FollowerStatus{State: Away, Since: noon.Add(time.Hour)}, up, 0},
	} {
		if got := c.f.BehindFor(c.source, noon); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestLate(t *testing.T) {
	well := func() *Report {
		return &Report{Running: true, Now: noon, Status: Status{
			Written: before(time.Second), Sources: []SourceStatus{{Host: "primary", State: followed}},
			Followers: []FollowerStatus{{Host: "standby", Source: "primary", State: Behind, Oldest: before(30 * time.Second)}},
			Mirrors:   []MirrorStatus{{Host: "standby", Root: "/srv", Since: before(30 * time.Second)}},
		}}
	}
	if got := well().Late(time.Minute); len(got) > 0 {
		t.Errorf("late: %v", got)
	}
	for want, change := range map[string]func(*Report){
		"standby is behind primary for 2 min": func(r *Report) { r.Followers[0].Oldest = before(2 * time.Minute) },
		"standby is behind primary for 2 min: file:/etc/a: rolled back: httpd refuses it: line 1 (and 1 more are held back)": func(r *Report) {
			r.Followers[0].HeldBack = []Held{{Name: "file:/etc/a", Why: "rolled back: httpd refuses it:\n  line 1", Since: before(2 * time.Minute)}, {Name: "file:/etc/b", Since: noon}}
		},
		"standby is behind primary for 2 min: away: no route to host": func(r *Report) {
			r.Followers[0].State, r.Followers[0].Since, r.Followers[0].Why = Away, before(2*time.Minute), "no route to host"
		},
		"standby is behind primary for 3 min: primary is away: connection refused": func(r *Report) {
			r.Sources[0].State, r.Sources[0].Since, r.Sources[0].Why = away, before(3*time.Minute), "connection refused"
		},
		"hikae watch does not run":               func(r *Report) { r.Running = false },
		"hikae watch was not heard of for 1 min": func(r *Report) { r.Silent, r.Written = true, before(time.Minute) },
		"primary: /srv is gone":                  func(r *Report) { r.Sources[0].Alarms = []string{"/srv is gone"} },
		"standby: /srv is behind for 2 min":      func(r *Report) { r.Mirrors[0].Since = before(2 * time.Minute) },
		"standby: /srv was to be compared 2 d ago, and is not done": func(r *Report) {
			r.Mirrors[0].InStep, r.Mirrors[0].NextAudit = true, before(48*time.Hour)
		},
		"standby: /srv: the target does not fit it": func(r *Report) { r.Mirrors[0].Alarm = "the target does not fit it" },
	} {
		r := well()
		change(r)
		if got := r.Late(time.Minute); !slices.Equal(got, []string{want}) {
			t.Errorf("late: %v, want %q", got, want)
		}
	}
}

func TestOf(t *testing.T) {
	hosts := func(names ...string) string {
		r := phone()
		if err := r.Of(names); err != nil {
			return err.Error()
		}
		var out []string
		for _, f := range r.Followers {
			out = append(out, f.Host)
		}
		for _, s := range r.Sources {
			out = append(out, s.Host)
		}
		return strings.Join(out, " ")
	}
	for names, want := range map[string]string{
		"":        "standby vps bare primary old",
		"vps":     "vps primary",
		"primary": "standby vps primary",
		"old vps": "vps bare primary old",
		"nobody":  `hikae watch knows no host "nobody": it follows nobody, and nobody follows it`,
	} {
		if got := hosts(strings.Fields(names)...); got != want {
			t.Errorf("of %q: %s, want %s", names, got, want)
		}
	}
}

// What was written long ago, or by nobody who is there, is told as such.
func TestAsk(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &control.Controller{Store: store, Holder: "root@standby"}
	if r, err := Ask(c, noon); r != nil || err != nil {
		t.Fatalf("a report before anything followed: %v, %v", r, err)
	}
	stop, err := store.Watching("root@standby, hikae process 7")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Ask(c, noon); err != nil || !r.Running || !r.Written.IsZero() {
		t.Fatalf("one that starts: %+v, %v", r, err)
	}
	raw, err := json.Marshal(phone().Status)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.WriteStatus(raw); err != nil {
		t.Fatal(err)
	}
	if r, err := Ask(c, noon); err != nil || !r.Running || r.Silent || r.Age != 1 || r.Holder != "root@standby, hikae process 7" || r.Followers[1].BehindSeconds != 26*60*60 {
		t.Errorf("one that runs: %+v, %v", r, err)
	}
	if r, err := Ask(c, noon.Add(time.Minute)); err != nil || !r.Running || !r.Silent {
		t.Errorf("one that is stuck: %+v, %v", r, err)
	}
	if r, err := Ask(c, noon.Add(-time.Hour)); err != nil || !r.Silent {
		t.Errorf("one that is stuck since before the clock was set back: %+v, %v", r, err)
	}
	stop()
	if r, err := Ask(c, noon); err != nil || r.Running {
		t.Errorf("one that is gone: %+v, %v", r, err)
	}
	if err := c.Hold("standby", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if r, err := Ask(c, noon); err != nil || r.Followers[0].State != OnHold || !strings.HasPrefix(r.Followers[0].Why, "by root@standby") {
		t.Errorf("a hold is not told: %+v, %v", r.Followers[0], err)
	}
}

// A status that is only older says nothing else.
func TestEssence(t *testing.T) {
	one, other := phone(), phone()
	other.Written, other.Followers[1].BehindSeconds = noon, 17
	if one.Essence() != other.Essence() {
		t.Error("one that is older differs")
	}
	if other.Followers[1].BehindSeconds != 17 {
		t.Error("it was changed")
	}
	other.Followers[1].State = Away
	if one.Essence() == other.Essence() {
		t.Error("another state does not differ")
	}
}
