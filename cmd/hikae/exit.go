package main

import (
	"errors"

	"hikae/engine"
	"hikae/engine/agent"
	"hikae/engine/control"
	"hikae/states"
)

// Exit codes; exitHelp tells them to people.
const (
	exitOK         = 0
	exitError      = 1
	exitChanges    = 2
	exitRolledBack = 3
	exitRefused    = 4
)

const exitHelp = `Exit codes:
  0  done, or nothing to do
  1  an error; what was applied is told
  2  plan --detailed-exitcode: there are changes
  3  rolled back: something failed, and what belonged together was put back
  4  refused: nothing was changed (not confirmed, a saved plan that no longer
     holds, the host's own, another apply under way)`

// errChanges makes plan --detailed-exitcode exit with exitChanges.
var errChanges = errors.New("there are changes")

// exitCode is how an error ends the program.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, control.ErrRolledBack):
		return exitRolledBack
	case errors.Is(err, engine.ErrRefused), errors.Is(err, engine.ErrLocked), errors.Is(err, agent.ErrReadOnly),
		errors.Is(err, states.ErrLocked):
		return exitRefused
	}
	return exitError
}
