package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/ini"
	"hikae/hosts"
)

// StreamKind is the kind of modules' streams.
const StreamKind = "module_stream"

// Names of the attributes of a stream.
const (
	attrStream   = "stream"
	attrDisabled = "disabled"
	attrProfiles = "profiles"
)

const (
	modulesDir   = "/etc/dnf/modules.d"
	moduleSuffix = ".module"
	maxModule    = 64 << 10 // bytes of one file; a usual one has 60
)

// Streams is the kind module_stream: which stream of a module dnf takes its
// packages from. A module has one stream: to switch is to leave the other.
//
// What is chosen stands in /etc/dnf/modules.d/NAME.module, which dnf alone
// writes: here by the same driver as packages, before them and without them.
// A cut between the two is no harm, since dnf itself saves streams before rpm
// begins; the packages' versions follow in their own transaction.
type Streams struct{ *Module }

var _ engine.Sourced = Streams{}

// NewStreams returns the module.
func NewStreams() Streams { return Streams{New()} }

// Schema implements engine.Module.
func (Streams) Schema() engine.Schema {
	return engine.Schema{
		Kind:  StreamKind,
		Doc:   "The stream of a module that dnf takes packages from.",
		Label: "name of the module",
		Stage: engine.StageSystem,
		Attrs: []engine.Attr{
			{Name: attrStream, Type: cty.String, Doc: "The stream that is enabled; of a module that is disabled none."},
			{Name: attrDisabled, Type: cty.Bool, Default: cty.False, Doc: "No stream of the module is taken, its default one neither."},
			{Name: attrProfiles, Type: cty.Set(cty.String), Default: cty.SetValEmpty(cty.String), Doc: "Its profiles that count as installed. Their packages are resources of their own."},
		},
	}
}

// stream is what is chosen of one module.
type stream struct {
	name, stream string
	disabled     bool
	profiles     []string // sorted
}

func (s stream) is(other stream) bool {
	return s.stream == other.stream && s.disabled == other.disabled && slices.Equal(s.profiles, other.profiles)
}

func (s stream) chosen() bool { return s.stream != "" || s.disabled }

func (s stream) object() cty.Value {
	attrs := map[string]cty.Value{
		attrStream: cty.NullVal(cty.String), attrDisabled: cty.BoolVal(s.disabled), attrProfiles: cty.SetValEmpty(cty.String),
	}
	if s.stream != "" {
		attrs[attrStream] = cty.StringVal(s.stream)
	}
	var profiles []cty.Value
	for _, p := range s.profiles {
		profiles = append(profiles, cty.StringVal(p))
	}
	if profiles != nil {
		attrs[attrProfiles] = cty.SetVal(profiles)
	}
	return cty.ObjectVal(attrs)
}

// Sources implements engine.Sourced.
func (Streams) Sources() []hosts.WatchRoot { return hosts.WatchFiles(modulesDir) }

// Read implements engine.Module.
func (m Streams) Read(_ context.Context, r hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	cov := engine.Coverage{Whole: true}
	names, err := r.ReadDir(m.installRoot + modulesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return cov, nil
	}
	if err != nil {
		return engine.Coverage{Holes: []engine.Hole{{Path: modulesDir, Err: err.Error()}}}, nil //nolint:nilerr // what cannot be read is a hole
	}
	for _, n := range names {
		name, ok := strings.CutSuffix(n, moduleSuffix)
		if !ok {
			continue
		}
		s, err := m.read(r, name)
		if err == nil {
			err = checkStream(s)
		}
		if err != nil {
			cov.Whole = false
			cov.Holes = append(cov.Holes, engine.Hole{Path: path.Join(modulesDir, n), Err: err.Error()})
			continue
		}
		if !s.chosen() {
			continue
		}
		if err := emit(engine.Resource{Addr: engine.Addr{Kind: StreamKind, Name: name}, Value: s.object()}); err != nil {
			return cov, err
		}
	}
	return cov, nil
}

// read reads what is chosen of a module: the section of its name in the file
// of its name (libdnf, ModulePackageContainer.cpp).
func (m Streams) read(r hosts.Reader, name string) (stream, error) {
	s := stream{name: name}
	b, err := hosts.ReadFile(r, path.Join(m.installRoot+modulesDir, name+moduleSuffix), maxModule)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return parseStream(name, b)
}

func parseStream(name string, b []byte) (stream, error) {
	s := stream{name: name}
	file, err := ini.Parse(b)
	if err != nil {
		return s, err
	}
	value := func(key string) string {
		if n := ini.Last(b, ini.Named(file, name), key); n != nil {
			return ini.Value(n.Word(b, 1))
		}
		return ""
	}
	switch value("state") {
	case "enabled", "installed":
		s.stream = value(attrStream)
		s.profiles = strings.FieldsFunc(value(attrProfiles), func(r rune) bool { return strings.ContainsRune(", \n", r) })
		slices.Sort(s.profiles)
		s.profiles = slices.Compact(s.profiles)
	case "disabled":
		s.disabled = true
	}
	return s, nil
}

// checkStream refuses what could be taken for something else on its way to dnf:
// a specification is NAME:STREAM:VERSION:CONTEXT:ARCH/PROFILE.
func checkStream(s stream) error {
	for _, word := range append([]string{s.name, s.stream}, s.profiles...) {
		odd := strings.ContainsFunc(word, func(r rune) bool {
			switch {
			case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
				return false
			}
			return !strings.ContainsRune("._+-", r)
		})
		if odd || strings.HasPrefix(word, "-") {
			return fmt.Errorf("%q is not the name of a module, a stream or a profile", word)
		}
	}
	if s.name == "" || strings.HasPrefix(s.name, ".") {
		return fmt.Errorf("%q is not the name of a module", s.name)
	}
	return nil
}

// Apply sets all streams at once, or none of them. What is so already is not
// set again.
func (m Streams) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	req := emptyRequest()
	var wants []stream
	for _, c := range job.Changes {
		want, err := wantedStream(c)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", engine.ErrRefused, c.Addr, err)
		}
		wants = append(wants, want)
	}
	d := &driver{Module: m.Module, host: h, progress: job.Progress}
	if err := d.adopt(ctx); err != nil {
		return err
	}
	for _, want := range wants {
		now, err := m.read(h, want.name)
		if err != nil {
			return fmt.Errorf("cannot read the stream of %s: %w", want.name, err)
		}
		if !now.is(want) {
			req.Streams = append(req.Streams, requestStream{want.name, want.stream, want.disabled, append([]string{}, want.profiles...)})
		}
	}
	if len(req.Streams) > 0 {
		if _, err := d.run(ctx, req); err != nil {
			return err
		}
	}
	for i, want := range wants {
		now, err := m.read(h, want.name)
		if err != nil || !now.is(want) {
			return errors.Join(err, fmt.Errorf("cannot set module streams: dnf says it is done, but %s is not as it should be", want.name))
		}
		job.Done(job.Changes[i].Addr)
	}
	return nil
}

// wantedStream reads a change: nothing chosen where the resource is to go.
func wantedStream(c engine.Change) (stream, error) {
	want := stream{name: c.Addr.Name}
	if c.Action == engine.Delete {
		return want, checkStream(want)
	}
	if c.After == nil || c.After.Value == cty.NilVal {
		return want, errors.New("nothing is said of how it should be")
	}
	if v := attr(c.After.Value, attrDisabled); !v.IsNull() {
		want.disabled = v.True()
	}
	if v := attr(c.After.Value, attrStream); !v.IsNull() && !want.disabled {
		want.stream = v.AsString()
	}
	if v := attr(c.After.Value, attrProfiles); !v.IsNull() && !want.disabled {
		for _, p := range v.AsValueSlice() {
			want.profiles = append(want.profiles, p.AsString())
		}
		slices.Sort(want.profiles)
	}
	if !want.chosen() {
		return want, errors.New("it has neither a stream nor disabled = true")
	}
	return want, checkStream(want)
}
