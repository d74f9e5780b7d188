package mirror

import (
	"fmt"
	"slices"
	"time"

	"hikae/hosts"
)

// hold takes out the files that do not fit in so many bytes.
func (p *plan) hold(room int64) {
	p.holdIf(func(e *hosts.TreeEntry) string {
		n := e.Takes()
		if n <= room {
			room -= n
			return ""
		}
		return fmt.Sprintf("%v: it takes %d MiB, and there is room for %d (keep_free)", hosts.ErrNoRoom, n>>20, room>>20)
	})
}

// holdIf takes out the files that would be sent for which there is a reason.
func (p *plan) holdIf(reason func(*hosts.TreeEntry) string) {
	p.files = slices.DeleteFunc(p.files, func(op hosts.TreeOp) bool {
		if !fetched(&op) {
			return false
		}
		why := reason(&op.Entry)
		if why == "" {
			return false
		}
		p.held[op.Path] = why
		p.bytes -= op.Entry.Takes()
		delete(p.overwritten, op.Path)
		return true
	})
}

// refusals are large files that the target did not take, by their paths: for a quota,
// an owner that it does not know, a disk that fails. Each is sent again when it has
// changed, or after a while, which grows: to know takes all of its bytes.
type refusals map[string]refusal

type refusal struct {
	size, mtime int64
	why         string
	wait        time.Duration
	until       time.Time
}

const (
	// largeRefused is from which size a file is not sent again soon.
	largeRefused = 16 << 20
	firstRefused = 2 * time.Minute
	mostRefused  = time.Hour
)

func (r refusals) of(e *hosts.TreeEntry) (refusal, bool) {
	f, is := r[e.Path]
	return f, is && f.size == e.Content.Size && f.mtime == e.MTime
}

// hold takes out of a plan what was refused a while ago.
func (r refusals) hold(pl *plan) {
	if len(r) == 0 {
		return
	}
	pl.holdIf(func(e *hosts.TreeEntry) string {
		if f, is := r.of(e); is && time.Now().Before(f.until) {
			return f.why + " (it is sent again at " + f.until.Format(time.TimeOnly) + ")"
		}
		return ""
	})
}

// note remembers what the target did not take of a plan.
func (r refusals) note(pl *plan, out *outcome) {
	for i := range pl.files {
		op := &pl.files[i]
		why, failed := out.failed[op.Path]
		if !fetched(op) || !failed {
			delete(r, op.Path)
			continue
		}
		if op.Entry.Takes() < largeRefused {
			continue
		}
		f := refusal{size: op.Entry.Content.Size, mtime: op.Entry.MTime, why: why, wait: firstRefused}
		if last, is := r.of(&op.Entry); is {
			f.wait = min(2*last.wait, mostRefused)
		}
		f.until = time.Now().Add(f.wait)
		r[op.Path] = f
	}
}
