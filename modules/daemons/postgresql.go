package daemons

import (
	"context"
	"errors"
	"io/fs"

	"hikae/hosts"
	"hikae/modules/internal/programs"
)

const (
	postgresqlDir   = "/var/lib/pgsql/data"
	postgresqlSetup = "/usr/bin/postgresql-setup"
)

// postgresqlData makes an empty cluster where there is none: without one EL's
// unit does not start, and replication has nowhere to go. What is there is
// never touched.
func postgresqlData(ctx context.Context, h hosts.Host, _ []string) error {
	if _, err := h.Stat(postgresqlSetup); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	names, err := h.ReadDir(postgresqlDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(names) > 0 {
		return nil
	}
	return programs.Run(ctx, h, postgresqlSetup, "--initdb")
}
