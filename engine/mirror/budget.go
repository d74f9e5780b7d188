package mirror

import (
	"fmt"
	"time"
)

// spending is what was deleted and overwritten lately.
type spending struct {
	at  []spent
	sum spent
}

// spent is what one plan takes.
type spent struct {
	when                     time.Time
	deletions, modifications int
	before                   int // how many entries the tree had
}

// spendWindow is the time that a budget is for: fast enough to stop what
// encrypts a disk, short enough for a day's work.
const spendWindow = time.Minute

func (s *spending) add(n spent) {
	s.forget()
	n.when = time.Now()
	s.at = append(s.at, n)
	s.sum.deletions += n.deletions
	s.sum.modifications += n.modifications
}

// forget leaves out what is long ago.
func (s *spending) forget() {
	for len(s.at) > 0 && time.Since(s.at[0].when) > spendWindow {
		s.sum.deletions -= s.at[0].deletions
		s.sum.modifications -= s.at[0].modifications
		s.at = s.at[1:]
	}
}

// with gives all that was spent lately and n, with the most entries there were.
func (s *spending) with(n spent) spent {
	s.forget()
	n.deletions += s.sum.deletions
	n.modifications += s.sum.modifications
	for i := range s.at {
		n.before = max(n.before, s.at[i].before)
	}
	return n
}

const (
	leastDeletions     = 25
	deletionShare      = 10
	leastModifications = 300
	modificationShare  = 4
	// handful is how many entries may go that are the most of a tree.
	handful = 5
)

// within refuses to spend more than the budget. files is how many there are on
// the target, and left how many entries the source has. Before the first time in
// step nothing is ours to delete, and what is overwritten is told of.
func (m *Mirror) within(n spent, files, left int) error {
	all := m.spent.with(n)
	var over string
	if n.deletions > 0 {
		over = m.overDeletions(all, files, left)
	}
	mostMods := m.o.Budget.Modifications
	if mostMods < 0 {
		mostMods = max(leastModifications, files/modificationShare)
	}
	if n.modifications > 0 && all.modifications > mostMods && m.record.InStep {
		if over != "" {
			over += " and "
		}
		over += fmt.Sprintf("%d files overwritten (at most %d)", all.modifications, mostMods)
	}
	if over != "" && !m.takeAllowed() {
		return alarmed("over budget in %s: %s within a minute: nothing is changed until hikae release --over-budget allows it", m.o.Root, over)
	}
	if over != "" {
		m.spent = spending{}
		return nil
	}
	m.spent.add(n)
	return nil
}

// overDeletions says by how much deletions are over the budget: by their number, and
// where no number was set, by what they leave. A tree that was emptied, or of which
// most went, is what a mount that vanished looks like, however small it was.
func (m *Mirror) overDeletions(n spent, files, left int) string {
	most := m.o.Budget.Deletions
	if most < 0 {
		most = max(leastDeletions, files/deletionShare)
		if lost := n.before - left; n.deletions <= most && (lost > handful && lost > left || lost > 1 && left == 0) {
			return fmt.Sprintf("%d deletions, which leave %d of %d (was it emptied, or did a mount vanish?)", n.deletions, left, n.before)
		}
	}
	if n.deletions > most {
		return fmt.Sprintf("%d deletions (at most %d)", n.deletions, most)
	}
	return ""
}
