// Package all lists hikae's modules: the one place where a kind is added.
package all

import (
	"hikae/engine"
	"hikae/modules/account"
	"hikae/modules/daemons"
	"hikae/modules/file"
	"hikae/modules/packages"
	"hikae/modules/repo"
	"hikae/modules/service"
)

// Modules returns the host modules, in the order of an apply.
func Modules() []engine.Module {
	return []engine.Module{
		repo.NewKeys(),
		packages.New(),
		account.Group{},
		account.User{},
		file.Module{},
		service.Module{},
	}
}

// Units returns the daemons whose configuration hikae knows.
func Units() []engine.Unit { return daemons.Units() }

// Schemas returns the kinds' schemas.
func Schemas() []engine.Schema {
	var ss []engine.Schema
	for _, m := range Modules() {
		ss = append(ss, m.Schema())
	}
	return ss
}
