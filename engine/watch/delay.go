package watch

import (
	"time"

	"hikae/engine"
	"hikae/engine/control"
)

// delayed is a source with the packages that it had when they are due, and has all
// be applied where these are others than before. Of none it is the newest generation.
func (f *follower) delayed(source *engine.Snapshot, w *work) (*engine.Snapshot, error) {
	name, delay := f.source.of.Source.Name, f.source.of.Delay
	if delay <= 0 {
		return source, nil
	}
	due, next, err := f.loop.Control.Due(name, delay)
	if err != nil || due == nil {
		return source, err
	}
	if source == nil {
		if source, err = f.loop.Control.Load(name); err != nil {
			return nil, err
		}
	}
	w.all = w.all || f.due != nil && f.due != due && !control.SamePackages(f.due, due)
	f.due, f.next = due, next
	return control.WithPackages(source, due), nil
}

// dueIn is how long it is until packages may be due; a day where that is not known.
func (f *follower) dueIn() time.Duration {
	if f.next.IsZero() {
		return 24 * time.Hour
	}
	return time.Until(f.next)
}

// nowDue has it be seen which packages are due. That is asked for once: step says
// when there are others.
func (f *follower) nowDue() {
	f.next = time.Time{}
	f.put(func(w *work) { w.due = true })
}
