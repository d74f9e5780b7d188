// Package service reads and writes the state of systemd's units: the kind
// service, one resource for each unit that can be enabled, named with its
// suffix (httpd.service, backup.timer, x@one.socket).
//
//	enabled  it is started at boot, or when its timer, socket or path says so
//	masked   it cannot be started at all
//	running  it runs now; null where that says nothing: a oneshot, or a unit
//	         whose conditions do not hold
//
// Left out: units with nothing to enable (static, indirect, generated,
// transient), names that are aliases, templates themselves, and units whose
// state is the host's own (rules.HostOnlyUnit). Unit files and drop-ins are
// plain files; the links that enable and mask make are nobody's but this kind's.
//
// The default target is the resource default.target, which has the attribute
// target and no other: it is a name for a unit, not a unit.
//
// Apply looks at what systemd says now, not at what the plan saw, and does what
// is missing: in one call each disable, enable, unmask and mask, one
// daemon-reload, then in one call each stop and start. A unit that should run
// must be active, and where it cannot tell systemd that it is ready
// (Type=simple and its like) still be so a moment later without having been
// restarted. One unit that fails does not keep the others from being applied.
// sshd and the unit that hikae itself runs in are never stopped, disabled or masked.
package service

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/rules"
	"hikae/hosts"
)

// Kind is the kind of the package's resources.
const Kind = "service"

// defaultTarget is the resource that stands for the default target.
const defaultTarget = "default.target"

// Module is the kind service.
type Module struct {
	// Settle is how long a daemon that cannot say that it is ready has to
	// stay up; 0: a second.
	Settle time.Duration
}

var _ engine.Sourced = Module{}

// Schema implements engine.Module.
func (Module) Schema() engine.Schema {
	return engine.Schema{
		Kind:  Kind,
		Doc:   "State of a systemd unit: enabled, masked, running. default.target is the default target.",
		Label: "name of the unit with its suffix",
		Stage: engine.StageConfig,
		Attrs: []engine.Attr{
			{Name: "enabled", Type: cty.Bool, Default: cty.False, Doc: "It is started at boot, or by what triggers it."},
			{Name: "masked", Type: cty.Bool, Default: cty.False, Doc: "It cannot be started at all."},
			{Name: "running", Type: cty.Bool, Doc: "It runs now; null where that says nothing, as for a oneshot."},
			{Name: "target", Type: cty.String, Doc: "Of default.target only: the target that the host boots into."},
		},
	}
}

// isUnitName reports whether systemd takes a name (systemd.unit(5)), of a type
// that can be enabled and is not a disk's. Such a name holds nothing that systemctl
// would take for a pattern or an option.
func isUnitName(name string) bool {
	const longest = 255 // before the type
	return len(strings.TrimSuffix(name, path.Ext(name))) <= longest && unitForm().MatchString(name)
}

var unitForm = engine.Form(`^[A-Za-z0-9_.:\\@][A-Za-z0-9_.:\\@-]*\.(service|socket|timer|path|target)$`)

// isTemplate tells x@.service from its instances.
func isTemplate(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, path.Ext(name)), "@")
}

// template names the template of an instance: x@.service of x@one.service.
func template(name string) string {
	base, instance, ok := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), "@")
	if !ok || instance == "" {
		return ""
	}
	return base + "@" + path.Ext(name)
}

// Sources implements engine.Sourced.
func (Module) Sources() []hosts.WatchRoot { return hosts.UnitSources() }

// Read implements engine.Module.
func (Module) Read(ctx context.Context, r hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	cov := engine.Coverage{Skipped: map[string]int{}}
	units, err := r.Units(ctx)
	if err != nil {
		cov.Holes = append(cov.Holes, engine.Hole{Path: "systemd", Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	cov.Whole = true
	facts := r.Facts()
	found := map[string]engine.Resource{}
	files := map[string]string{}
	for _, u := range units {
		files[u.Name] = u.File
	}
	for _, u := range units {
		why := skip(u)
		if t := template(u.Name); why == "" && u.File == "disabled" && t != "" && files[t] != "disabled" && files[t] != "enabled" {
			why = "nothing to enable: an instance of " + files[t]
		}
		if why != "" {
			cov.Skipped[why]++
			continue
		}
		found[u.Name] = engine.Resource{Addr: addr(u.Name), Value: value(u, facts.Systemd)}
	}
	if target := bootsInto(r); target != "" {
		v := object(cty.NullVal(cty.Bool), cty.NullVal(cty.Bool), cty.NullVal(cty.Bool), cty.StringVal(target))
		found[defaultTarget] = engine.Resource{Addr: addr(defaultTarget), Value: v}
	}
	names := make([]string, 0, len(found))
	for n := range found {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if err := emit(found[n]); err != nil {
			return cov, err
		}
	}
	return cov, nil
}

// bootsInto reads the link default.target. The host's facts tell it too, but
// as it was when they were gathered, and it may have been set since.
func bootsInto(r hosts.Reader) string {
	for _, dir := range []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"} {
		if n, err := r.Stat(dir + "/" + defaultTarget); err == nil && n.Type == hosts.Link {
			return path.Base(n.Link)
		}
	}
	return r.Facts().DefaultUnit
}

func addr(name string) engine.Addr { return engine.Addr{Kind: Kind, Name: name} }

// skip says why a unit is not carried; "" where it is.
func skip(u hosts.Unit) string {
	switch u.File {
	case "enabled", "disabled", "masked", "linked":
	case "":
		return "no unit file"
	default:
		return "nothing to enable: " + u.File
	}
	if rule, own := rules.HostOnlyUnit(u.Name); own {
		return rule.Why
	}
	switch {
	case !isUnitName(u.Name):
		return "not a service, socket, timer, path or target"
	case u.Name == defaultTarget:
		return "the default target, read as such"
	case isTemplate(u.Name) && u.File != "masked":
		return "a template: its instances are carried"
	}
	return ""
}

// value is what a unit's state is in the kind's attributes. Without systemd as
// PID 1 nothing runs that could be asked about.
func value(u hosts.Unit, systemd bool) cty.Value {
	enabled, masked := cty.BoolVal(u.File == "enabled"), cty.BoolVal(u.File == "masked")
	if u.File == "masked" {
		enabled = cty.NullVal(cty.Bool)
	}
	running := cty.NullVal(cty.Bool)
	if systemd && !u.NotApplicable {
		running = cty.BoolVal(runs(u.Active, u.Sub))
	}
	return object(enabled, masked, running, cty.NullVal(cty.String))
}

// runs reports whether a state is one of a unit that does its work. One that
// waits to be restarted after it died does not.
func runs(active, sub string) bool {
	switch active {
	case "active", "reloading", "refreshing":
		return true
	case "activating":
		return sub != "auto-restart"
	}
	return false
}

func object(enabled, masked, running, target cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"enabled": enabled, "masked": masked, "running": running, "target": target})
}

// wish is what a change asks of a unit.
type wish struct {
	addr                     engine.Addr
	enabled, masked, running *bool // nil: left open
	target                   string
	gone                     bool // to be removed
	pkg                      string
}

func wishOf(c engine.Change) (wish, error) {
	w := wish{addr: c.Addr}
	name := c.Addr.Name
	if !isUnitName(name) {
		return w, fmt.Errorf("%w: %q is not the name of a service, socket, timer, path or target, with its suffix", engine.ErrRefused, name)
	}
	if rule, own := rules.HostOnlyUnit(name); own {
		return w, fmt.Errorf("%w: %s is the host's own: %s", engine.ErrRefused, name, rule.Why)
	}
	if c.Action == engine.Delete {
		w.gone = true
		return w, nil
	}
	w.pkg = c.After.Package
	v := c.After.Value
	for attr, into := range map[string]**bool{"enabled": &w.enabled, "masked": &w.masked, "running": &w.running} {
		if b := v.GetAttr(attr); !b.IsNull() {
			is := b.True()
			*into = &is
		}
	}
	if t := v.GetAttr("target"); !t.IsNull() {
		w.target = t.AsString()
	}
	if w.masked != nil && *w.masked && w.enabled != nil && *w.enabled {
		// Enabled may be no wish but what was there; the mask covers it.
		if c.Before == nil || !isTrue(c.Before.Value.GetAttr("enabled")) {
			return w, fmt.Errorf("%w: %s cannot be masked and enabled at once", engine.ErrRefused, w.addr)
		}
		w.enabled = nil
	}
	return w, w.check()
}

func isTrue(v cty.Value) bool { return !v.IsNull() && v.True() }

// check refuses wishes that contradict themselves.
func (w *wish) check() error {
	name := w.addr.Name
	is := func(b *bool) bool { return b != nil && *b }
	switch {
	case name == defaultTarget && (w.enabled != nil || w.masked != nil || w.running != nil):
		return fmt.Errorf("%w: %s has the attribute target and no other", engine.ErrRefused, w.addr)
	case name != defaultTarget && w.target != "":
		return fmt.Errorf("%w: %s: only default.target has the attribute target", engine.ErrRefused, w.addr)
	case w.target != "" && (!isUnitName(w.target) || path.Ext(w.target) != ".target" || w.target == defaultTarget):
		return fmt.Errorf("%w: %s: %q is not the name of a target", engine.ErrRefused, w.addr, w.target)
	case isTemplate(name) && (is(w.enabled) || is(w.running)):
		return fmt.Errorf("%w: %s is a template: enable an instance of it", engine.ErrRefused, w.addr)
	}
	return nil
}
