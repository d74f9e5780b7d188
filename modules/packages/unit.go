package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// unitName is the transient unit in which dnf runs, so that it outlives the
// agent: a transaction that is cut off is worse than one that is late. There
// is one name, so there is one transaction at a time.
const unitName = "hikae-dnf.service"

// lookEvery is how often the driver's events are read.
const lookEvery = 200 * time.Millisecond

// environment is the whole environment of dnf and of the scriptlets.
var environment = []string{"LANG=C", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}

// follow runs the driver, in the unit where systemd is PID 1, and passes on
// what it says until it has ended.
func (d *driver) follow(ctx context.Context, argv []string) (hosts.Result, error) {
	cmd, run := hosts.Cmd{Argv: argv, Env: environment}, ctx
	if d.host.Facts().Systemd {
		// systemd-run(1), no newer than systemd 239's.
		unit := []string{"systemd-run", "--quiet", "--collect", "--wait", "--no-ask-password",
			"--unit=" + unitName, "--description=hikae: a package transaction"}
		for _, e := range environment {
			unit = append(unit, "--setenv="+e)
		}
		cmd = hosts.Cmd{Argv: append(append(unit, "--"), argv...)}
	} else {
		run = context.WithoutCancel(ctx)
	}
	type ended struct {
		res hosts.Result
		err error
	}
	end := make(chan ended, 1)
	go func() {
		res, err := d.host.Run(run, cmd)
		end <- ended{res, err}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.look(); err != nil {
				return hosts.Result{}, err
			}
		case e := <-end:
			if e.err != nil {
				return e.res, e.err
			}
			if strings.Contains(string(e.res.Stderr), "already exists") && len(d.events) == 0 {
				return e.res, fmt.Errorf("%w: its package transaction runs", engine.ErrLocked)
			}
			return e.res, d.look()
		}
	}
}

// adopt waits for a transaction that an earlier agent started and left.
func (d *driver) adopt(ctx context.Context) error {
	if !d.host.Facts().Systemd {
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for said := false; ; {
		res, err := d.host.Run(ctx, hosts.Cmd{Argv: []string{"systemctl", "show", "--property=ActiveState", unitName}})
		if err != nil {
			return fmt.Errorf("cannot see whether a package transaction runs: %w", err)
		}
		switch strings.TrimSpace(string(res.Stdout)) {
		case "ActiveState=active", "ActiveState=activating", "ActiveState=deactivating":
		default:
			d.read, d.events, d.messages = 0, nil, nil
			return nil
		}
		if !said {
			d.progress("waiting for the package transaction of an earlier apply")
			said = true
		}
		if err := d.look(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-engine.Stopping(ctx):
			return errors.New("the controller is gone: the packages are left for the next apply")
		case <-tick.C:
		}
	}
}

// look reads what the driver has said since it was last looked at.
func (d *driver) look() error {
	f, err := d.host.Open(d.eventsPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, maxEvents))
	if err != nil {
		return err
	}
	if d.read > len(b) {
		d.read = 0
	}
	events, n := parseEvents(b[d.read:])
	d.read += n
	for _, e := range events {
		d.events = append(d.events, e)
		if e.Event == eventMessage {
			d.messages = append(d.messages, e.Text)
		}
		if text := e.progress(); text != "" {
			d.progress(text)
		}
	}
	return nil
}
