package daemons

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

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
	if slices.Contains(names, "PG_VERSION") {
		return nil
	}
	if len(names) > 0 {
		return fmt.Errorf("%s has files and no cluster: initdb makes one in an empty directory only; move them away, run %s --initdb, and apply again", postgresqlDir, postgresqlSetup)
	}
	return programs.Run(ctx, h, postgresqlSetup, "--initdb")
}
