package main

import (
	"errors"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/hosts"
	"hikae/states"
)

// Exit codes; exitHelp tells them to people.
const (
	exitOK         = 0
	exitError      = 1
	exitChanges    = 2
	exitRolledBack = 3
	exitRefused    = 4
	exitConflict   = 5
	exitBehind     = 6
)

const exitHelp = `Exit codes:
  0  done, or nothing to do
  1  an error; what was applied is told
  2  plan --detailed-exitcode: there are changes
  3  rolled back: something failed, and what belonged together was put back
  4  refused: nothing was changed (not confirmed, over the budget, a saved plan
     that no longer holds, the host's own, another apply or mirror under way)
  5  files are to be merged by hand (see hikae resolve), or packages are held
     back that the host cannot have; all else was done
  6  status --behind: a follower is behind for longer, or hikae watch does not run
Of several hosts the worst counts, in this order: 1, 3, 4, 5, 2, 0.`

// errChanges makes plan --detailed-exitcode exit with exitChanges.
var errChanges = errors.New("there are changes")

// exitCode is how an error ends the program.
func exitCode(err error) int {
	var several fleetError
	switch {
	case errors.As(err, &several):
		return several.worst()
	case err == nil:
		return exitOK
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errBehind):
		return exitBehind
	case errors.Is(err, control.ErrRolledBack):
		return exitRolledBack
	case errors.Is(err, control.ErrConflict), errors.Is(err, control.ErrHeldBack):
		return exitConflict
	case errors.Is(err, engine.ErrRefused), errors.Is(err, engine.ErrLocked), errors.Is(err, agent.ErrReadOnly),
		errors.Is(err, states.ErrLocked), errors.Is(err, hosts.ErrTreeLocked):
		return exitRefused
	}
	return exitError
}

// worst is the exit code of what went wrong on several hosts.
func (e fleetError) worst() int {
	codes := map[int]bool{}
	for _, he := range e {
		codes[exitCode(he.err)] = true
	}
	for _, code := range []int{exitError, exitRolledBack, exitRefused, exitConflict, exitChanges} {
		if codes[code] {
			return code
		}
	}
	return exitOK
}
