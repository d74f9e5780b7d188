package states

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long generations are kept: all that are younger than the first, then the last
// of each day, and for ever the last of each month.
const (
	keepAllFor   = 48 * time.Hour
	keepDailyFor = 60 * 24 * time.Hour
)

// mostThinned is how many go at once. One came since the last time, so that a few do;
// and a clock that is far ahead for an hour does not cost the history of two months.
const mostThinned = 3

// Thin removes generations of a host that history can do without: with a loop that
// writes one every ten minutes there are many. The newest and undo points stay. The
// store's lock must be held.
func (s *Store) Thin(host string, now time.Time) error {
	gens, err := s.Generations(host)
	if err != nil {
		return err
	}
	undo, err := s.Get(Undo, host)
	if err != nil {
		return err
	}
	points := strings.Fields(string(undo))
	gone := slices.DeleteFunc(thinned(gens, now), func(gen string) bool { return slices.Contains(points, gen) })
	for _, gen := range gone[:min(len(gone), mostThinned)] {
		// Aside first: half of a generation would be one that was tampered with.
		aside := filepath.Join(s.dir, ".store", "tmp", "thin-"+host+"-"+gen)
		err := os.Rename(filepath.Join(s.dir, ".store", "generations", host, gen), aside)
		if err == nil {
			err = os.RemoveAll(aside)
		}
		if err != nil {
			return fmt.Errorf("cannot remove snapshot %s of %s: %w", gen, host, err)
		}
	}
	return nil
}

// thinned lists the generations that go; gens are sorted, oldest first.
func thinned(gens []string, now time.Time) (gone []string) {
	last := map[string]string{} // of each span
	for _, gen := range gens {
		t, err := GenerationTime(gen)
		if err != nil {
			continue // none of ours
		}
		span := t.Format("2006-01")
		switch age := now.Sub(t); {
		case age < keepAllFor:
			continue
		case age < keepDailyFor:
			span = t.Format("2006-01-02")
		}
		if before, ok := last[span]; ok {
			gone = append(gone, before)
		}
		last[span] = gen
	}
	return gone
}
