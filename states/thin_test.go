package states

import (
	"slices"
	"testing"
	"time"
)

func TestThin(t *testing.T) {
	s := open(t)
	now := noon.Add(400 * 24 * time.Hour)
	at := func(age time.Duration) string { return now.Add(-age).UTC().Format(genTime) }
	const day = 24 * time.Hour
	ages := []time.Duration{400 * day, 399*day + time.Hour, 399 * day, 200 * day, 199 * day, 20*day + 2*time.Hour, 20*day + time.Hour, 20*day + time.Minute, 20*day + time.Second, 20 * day, 3 * day, 47 * time.Hour, 46 * time.Hour, time.Hour, 0}
	for _, age := range ages {
		if _, _, err := s.WriteSnapshot("rio1", now.Add(-age), "", files("h", age.String()), nil); err != nil {
			t.Fatal(err)
		}
	}
	undo := at(20*day + 2*time.Hour)
	if err := s.Set(Undo, "rio1", []byte(undo+"\n")); err != nil {
		t.Fatal(err)
	}
	for last := len(ages); ; { // a few at a time
		if err := s.Thin("rio1", now); err != nil {
			t.Fatal(err)
		}
		left, err := s.Generations("rio1")
		if err != nil || last-len(left) > mostThinned {
			t.Fatalf("%d became %d at once, %v", last, len(left), err)
		}
		if len(left) == last {
			break
		}
		last = len(left)
	}
	// noon is the 2nd of January: 400 days ago, and 399 days ago the 3rd.
	want := []string{at(399 * day), at(199 * day), undo, at(20 * day), at(3 * day), at(47 * time.Hour), at(46 * time.Hour), at(time.Hour), at(0)}
	if now.Add(-200*day).Month() != now.Add(-199*day).Month() {
		want = slices.Insert(want, 1, at(200*day))
	}
	got, err := s.Generations("rio1")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("left are %v, %v\nwant %v", got, err, want)
	}
	if _, err := s.Generation("rio1", ""); err != nil {
		t.Error(err)
	}
}
