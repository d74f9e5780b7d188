package execute

import (
	"context"
	"slices"
	"time"

	"hikae/hosts"
)

// restFor is for how long daemons have to be at rest, after a reload, to be let go
// before healthFor is over.
const restFor = 300 * time.Millisecond

// calm tells when daemons that were reloaded are through with it: they have lived
// on these very files before, in a rehearsal, and now they rest, so that nothing is
// left that they could die of. One with many clients is never seen so, and is
// watched for as long as any.
type calm struct {
	reads   hosts.WorkReader // nil: they are not such
	cgroups []string
	began   time.Time
	rest    hosts.Rest
}

// newCalm is of the units that are watched. What was started anew is watched for the
// whole time, and so is what did not live in a rehearsal, or needs longer to die.
func (e *execution) newCalm(g *group, names []string, before, now map[string]unitState) *calm {
	c := &calm{began: time.Now(), rest: hosts.Rest{For: restFor}}
	for _, n := range names {
		s := now[n]
		switch {
		case s.MainPID == 0 && s.CGroup == "": // nothing of it runs
		case slices.Contains(g.lived, n) && s.MainPID != 0 && s.MainPID == before[n].MainPID && s.CGroup != "":
			c.cgroups = append(c.cgroups, s.CGroup)
		default:
			return c
		}
	}
	c.reads, _ = e.x.Host.(hosts.WorkReader)
	return c
}

// reached looks at the daemons, and reports whether they have rested for long
// enough. Where that cannot be told they have not.
func (c *calm) reached(ctx context.Context) bool {
	if c.reads == nil || len(c.cgroups) == 0 {
		return false
	}
	var all hosts.Work
	for _, cgroup := range c.cgroups {
		w, err := c.reads.Work(ctx, cgroup)
		if err != nil {
			return false
		}
		all.Busy, all.Used = all.Busy || w.Busy, all.Used+w.Used
	}
	return c.rest.Reached(time.Since(c.began), all)
}
