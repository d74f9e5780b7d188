package control

import (
	"encoding/json"
	"testing"
	"time"

	"hikae/states"
)

// A hold until a time goes by the clock. One for so long does not, within the boot in
// which it was said: a clock set forward does not release it, one set back does not keep
// it, and it says when it ends as the clock is now.
func TestHoldByTheClock(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Holder: "anna"}
	day := 24 * time.Hour
	const hour = time.Hour
	elsewhere := func(s *span) *span { s.Boot = "another"; return s }
	for name, tt := range map[string]struct {
		until time.Duration // from now on, by the clock; 0: for ever
		span  *span
		left  time.Duration // 0: it is over
	}{
		"for ever":                       {0, nil, 1},
		"until a time":                   {hour, nil, hour},
		"over":                           {-hour, nil, 0},
		"for so long":                    {hour, spanOf(hour), hour},
		"for so long, over":              {-hour, spanOf(-hour), 0},
		"the clock was set forward":      {-day, spanOf(hour), hour},
		"the clock was set back":         {day, spanOf(hour), hour},
		"and it is over":                 {day, spanOf(-hour), 0},
		"after another boot":             {hour, elsewhere(spanOf(-hour)), hour},
		"over, after another boot":       {-hour, elsewhere(spanOf(hour)), 0},
		"what nobody can say of a clock": {hour, &span{}, hour},
	} {
		h := Hold{Since: now(), By: "anna", Span: tt.span}
		if tt.until != 0 {
			h.Until = time.Now().Add(tt.until).UTC()
		}
		raw, err := json.Marshal(h)
		if err == nil {
			err = store.Set(states.Hold, "rio1", raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Held("rio1")
		switch {
		case err != nil || (got != nil) != (tt.left != 0):
			t.Errorf("%s: %+v, %v", name, got, err)
		case got != nil && tt.until != 0 && (time.Until(got.Until)-tt.left).Abs() > time.Minute:
			t.Errorf("%s: it ends in %v, want %v", name, time.Until(got.Until), tt.left)
		}
	}
	until, err := c.HoldFor("rio1", hour)
	if got, errHeld := c.Held("rio1"); err != nil || errHeld != nil || got == nil || got.Span == nil || !got.Until.Equal(until) {
		t.Errorf("%+v until %v, %v, %v", got, until, err, errHeld)
	}
	if err := c.Hold("rio1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Held("rio1"); err != nil || got == nil || got.Span != nil || !got.Until.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}
