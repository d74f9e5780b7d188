package packages

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

var _ engine.Recoverer = (*Module)(nil)

// Recover implements engine.Recoverer: it waits for a transaction that an
// earlier agent left running, and repairs what one that was cut off has left.
func (m *Module) Recover(ctx context.Context, h hosts.Host, progress func(string)) (notes []string, err error) {
	if _, err := interpreter(h); err != nil {
		return nil, nil //nolint:nilerr // without dnf there is no transaction of dnf's
	}
	d := &driver{Module: m, host: h, progress: progress}
	if err := d.adopt(ctx); err != nil {
		return nil, err
	}
	return d.repair(ctx)
}

// repair brings to its end, package by package, what a transaction did that was
// cut off. Of a package that is there twice the older goes; what that
// transaction had installed is installed again, since its scriptlets may not
// have run. rpm enters a package in its database when all its files are there,
// so that a package of which only files are there is simply not installed: the
// next apply installs it.
//
// ErrInconsistent names what cannot be repaired.
func (d *driver) repair(ctx context.Context) (notes []string, err error) {
	now, err := d.installedNow(ctx, d.host)
	if err != nil {
		return nil, err
	}
	past, err := readHistory(ctx, d.host)
	if err != nil {
		return nil, fmt.Errorf("%w: whether a transaction was cut off cannot be seen: %w", ErrInconsistent, err)
	}
	req := repairs(now, past.cut)
	if req.empty() {
		return nil, nil
	}
	d.progress("repairing what a package transaction that was cut off has left")
	if err := d.transact(ctx, req); err != nil {
		return nil, fmt.Errorf("%w: a transaction was cut off, and %s cannot be repaired: %w", ErrInconsistent, named(req.Reinstall, req.Drop), err)
	}
	for _, e := range d.events {
		if e.Event == eventUnrepaired {
			notes = append(notes, fmt.Sprintf("a package transaction was cut off after it had unpacked %s, whose scriptlets may not have run; no repository has that version to install it again", e.NEVRA))
		}
	}
	if len(req.Drop) > 0 {
		notes = append(notes, "a package transaction was cut off: what it had not removed yet was removed: "+named(req.Drop))
	}
	if len(req.Reinstall) > 0 {
		notes = append(notes, "a package transaction was cut off: what it had installed was installed again: "+named(req.Reinstall))
	}
	if now, err = d.installedNow(ctx, d.host); err != nil {
		return notes, err
	}
	return notes, now.check()
}

// repairs is the request that mends what is installed, after a transaction that
// was cut off.
func repairs(now installed, cut []cutItem) request {
	req := newRequest(nil, now)
	wanted := map[nameArch]rpmdb.EVR{}
	for _, c := range cut {
		if !slices.Contains(now.versions[c.nameArch], c.EVR) {
			continue
		}
		asked := c.why == reasonUser
		it := exactly(c.nameArch, c.EVR)
		it.Asked = &asked
		req.Reinstall = append(req.Reinstall, it)
		wanted[c.nameArch] = c.EVR
	}
	for na, evrs := range now.versions {
		if _, own := rules.HostOnlyPackage(na.name); len(evrs) < 2 || own {
			continue
		}
		keep, ok := wanted[na]
		if !ok {
			keep = slices.MaxFunc(evrs, rpmdb.EVR.Compare)
		}
		for _, evr := range evrs {
			if evr != keep {
				req.Drop = append(req.Drop, exactly(na, evr))
			}
		}
	}
	byName := func(a, b requestItem) int { return strings.Compare(a.Name+a.Version, b.Name+b.Version) }
	slices.SortFunc(req.Reinstall, byName)
	slices.SortFunc(req.Drop, byName)
	return req
}

func exactly(na nameArch, evr rpmdb.EVR) requestItem {
	return requestItem{Name: na.name, Arch: na.arch, Epoch: evr.Epoch, Version: evr.Version, Release: evr.Release, Exact: true}
}

// named names packages, as many as a person reads.
func named(lists ...[]requestItem) string {
	var names []string
	for _, it := range slices.Concat(lists...) {
		names = append(names, it.Name+"-"+it.Version+"-"+it.Release+"."+it.Arch)
	}
	if n := len(names) - maxNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), n)
	}
	return strings.Join(names, ", ")
}
