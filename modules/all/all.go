// Package all lists hikae's modules: the one place where a kind is added.
package all

import (
	"slices"

	"hikae/engine"
	"hikae/modules/account"
	"hikae/modules/alternatives"
	"hikae/modules/cron"
	"hikae/modules/daemons"
	"hikae/modules/derived"
	"hikae/modules/dhcpd"
	"hikae/modules/dovecot"
	"hikae/modules/file"
	"hikae/modules/firewalld"
	"hikae/modules/httpd"
	"hikae/modules/mariadb"
	"hikae/modules/named"
	"hikae/modules/packages"
	"hikae/modules/phpfpm"
	"hikae/modules/postfix"
	"hikae/modules/postgresql"
	"hikae/modules/redis"
	"hikae/modules/repo"
	"hikae/modules/selinux"
	"hikae/modules/service"
	"hikae/modules/sysctl"
	"hikae/modules/systemd"
	"hikae/modules/versionlock"
)

// Modules returns the host modules, in the order of an apply.
func Modules() []engine.Module {
	return slices.Concat([]engine.Module{
		repo.NewKeys(),
		packages.NewStreams(),
		packages.New(),
	}, selinux.Modules(), []engine.Module{ // whose types packages bring, and by which files are labelled
		account.Group{},
		account.User{},
		alternatives.Module{},
		derived.Module{},
		file.Module{},
		service.Module{},
	})
}

// Units returns the daemons whose configuration hikae knows, and what is
// derived from files.
func Units() []engine.Unit {
	units := slices.Concat(daemons.Units(), derived.Units())
	for _, l := range Lenses() {
		units = append(units, l.Units()...)
	}
	return units
}

// Lenses returns the views of daemons' configuration.
func Lenses() []engine.Lens {
	return []engine.Lens{
		httpd.Lens{},
		named.Lens{},
		postfix.Lens{},
		postgresql.Lens{},
		redis.Lens{},
		firewalld.Lens{},
		repo.Lens{},
		sysctl.Lens{},
		systemd.Lens{},
		mariadb.Lens{},
		phpfpm.Lens{},
		cron.Lens{},
		versionlock.Lens{},
		dovecot.Lens{},
		dhcpd.Lens{},
	}
}

// Schemas returns the schemas of the host modules' kinds: what is read and
// applied on a host.
func Schemas() []engine.Schema {
	var ss []engine.Schema
	for _, m := range Modules() {
		ss = append(ss, m.Schema())
	}
	return ss
}

// Kinds returns all schemas that the language knows: the lenses' too.
func Kinds() []engine.Schema {
	ss := Schemas()
	for _, l := range Lenses() {
		ss = append(ss, l.Kinds()...)
	}
	return ss
}
