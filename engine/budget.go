package engine

import (
	"fmt"
	"strings"

	"hikae/hosts"
)

// Budget is how much an apply may delete and overwrite on a host without a
// person's word: what looks like a wish may be a mount that vanished from the
// source, or a disk that something there encrypts. DefaultBudget is a default
// for either number.
type Budget struct {
	Deletions     int // resources that hikae made
	Modifications int // files, whoever made them
}

// DefaultBudget leaves a number to hikae: a share of what there is, for a large
// host changes more on any day than a small one.
const DefaultBudget = -1

const (
	leastDeletions     = 25
	deletionShare      = 10 // one in so many of what hikae applied to the host
	leastModifications = 300
	modificationShare  = 4 // one in so many of the files that are wished there
)

// Spending is what a plan deletes and overwrites beside what it may.
type Spending struct {
	Deletions           int  `json:"deletions"`
	Modifications       int  `json:"modifications"`
	DeletionBudget      int  `json:"deletion_budget"`
	ModificationBudget  int  `json:"modification_budget"`
	FreeOfModifications bool `json:"-"` // they are not counted: see Plan.Spending

	allowed Allowance
}

// Allowance are changes that a person has let pass, each with what it makes of its
// resource, nil where that goes: a budget does not count them.
type Allowance map[Addr]*hosts.Node

// Spends are those of some changes that a budget counts.
func Spends(cs []Change) Allowance {
	all := Allowance{}
	for i := range cs {
		if deletes, overwrites := cs[i].spends(); overwrites && cs[i].After != nil {
			all[cs[i].Addr] = cs[i].After.Node
		} else if deletes {
			all[cs[i].Addr] = nil
		}
	}
	return all
}

func (a Allowance) has(c *Change) bool {
	n, is := a[c.Addr]
	return is && (c.Action == Delete && n == nil || c.After != nil && n != nil && n.Equal(c.After.Node))
}

func (c *Change) spends() (deletes, overwrites bool) {
	return c.Action == Delete,
		c.Action == Update && c.Before != nil && c.Before.Node != nil && c.Before.Node.Type != hosts.Absent
}

// Spending counts what a plan deletes and overwrites. On a host that was never
// yet in step, files are overwritten as the first contact lists them, and are
// not counted. Neither is what is allowed, nor will it be by Add.
func (p *Plan) Spending(b Budget, wasInStep bool, allowed Allowance) Spending {
	s := Spending{DeletionBudget: b.Deletions, ModificationBudget: b.Modifications, FreeOfModifications: !wasInStep, allowed: allowed}
	if s.DeletionBudget < 0 {
		s.DeletionBudget = max(leastDeletions, p.known/deletionShare)
	}
	if s.ModificationBudget < 0 {
		s.ModificationBudget = max(leastModifications, p.wishedFiles/modificationShare)
	}
	return s.Add(p.Changes)
}

// Add adds what further changes spend.
func (s Spending) Add(cs []Change) Spending {
	for i := range cs {
		switch deletes, overwrites := cs[i].spends(); {
		case s.allowed.has(&cs[i]):
		case deletes:
			s.Deletions++
		case overwrites:
			s.Modifications++
		}
	}
	return s
}

// Over says what is over the budget, or "".
func (s Spending) Over() string {
	var over []string
	if s.Deletions > s.DeletionBudget {
		over = append(over, fmt.Sprintf("%d deletions (at most %d)", s.Deletions, s.DeletionBudget))
	}
	if s.Modifications > s.ModificationBudget && !s.FreeOfModifications {
		over = append(over, fmt.Sprintf("%d files overwritten (at most %d)", s.Modifications, s.ModificationBudget))
	}
	return strings.Join(over, " and ")
}
