package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// rescueSlack is what a timer waits beyond the deadline of a new login: time
// for the daemons to be reloaded and watched.
const rescueSlack = 15 * time.Second

// rescueUnit is the transient timer, and the service that it starts.
const rescueUnit = "hikae-rescue"

// outlive has systemd run Executor.Rescue in a while, for a group that logins
// hang on: should this agent be killed before it has put the group back, that
// one does, from the journal. The host's lock makes it wait for an agent that
// lives. disarm calls it off, unless the group could be neither finished nor put
// back: then another try is all that is left.
func (e *execution) outlive(ctx context.Context, g *group) (disarm func()) {
	if len(e.x.Rescue) == 0 || g.login() == "" || e.req.LoginDeadline == 0 || !e.x.Host.Facts().Systemd {
		return func() {}
	}
	after := e.req.LoginDeadline + rescueSlack
	argv := append([]string{
		"systemd-run", "--quiet", "--collect", "--unit=" + rescueUnit, "--timer-property=AccuracySec=1s",
		"--description=Puts back a change after which nobody could log in",
		fmt.Sprintf("--on-active=%d", int(after.Seconds())), "--",
	}, e.x.Rescue...)
	stop := func() { _ = e.systemctl(ctx, "stop", rescueUnit+".timer") } // one that has fired has gone
	disarm = func() {
		if e.record.Group == nil {
			stop()
		}
	}
	r, err := e.x.Host.Run(ctx, hosts.Cmd{Argv: argv})
	if err == nil && r.Code != 0 { // left by an agent that was killed, perhaps
		stop()
		r, err = e.x.Host.Run(ctx, hosts.Cmd{Argv: argv})
	}
	if err == nil && r.Code != 0 {
		err = errors.New(lastLines(r, 3))
	}
	if err != nil {
		e.tell(fmt.Sprintf("no timer watches over the change of %s, so it stays if the agent is killed meanwhile: %v", g.login(), err))
		return func() {}
	}
	return disarm
}

// rescueStep is how often a rescuer asks for the host's lock.
const rescueStep = 500 * time.Millisecond

// Rescue waits for an apply under way and brings to its end what one has left
// that was cut off: the program that Executor.Rescue names.
func Rescue(ctx context.Context, x *Executor) ([]string, error) {
	for {
		if x.Unfinished() == "" {
			return nil, nil
		}
		res, err := x.Apply(ctx, engine.ApplyRequest{Stage: engine.StageConfig, Holder: rescueUnit}, nil, func(engine.ApplyEvent) {})
		if !errors.Is(err, engine.ErrLocked) {
			return res.Notes, err
		}
		if err := pause(ctx, rescueStep); err != nil {
			return nil, err
		}
	}
}
