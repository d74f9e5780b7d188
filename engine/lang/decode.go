package lang

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// Bounds of a snapshot: bytes of one of its files, and resources.
const (
	maxSnapshotFile = 64 << 20
	maxResources    = 1_000_000
)

// DecodeSnapshot reads the files that EncodeSnapshot wrote, from the root of
// fsys; anything else there is not looked at. What it reads is data that may
// have been tampered with: the work is bounded by the size of the files, and
// what is wrong in them gives diagnostics. The snapshot is nil when there are
// errors. Resources are sorted by address, each with its attributes filled in
// from the schema's defaults; Range is where it is written.
func DecodeSnapshot(fsys fs.FS, schemas []engine.Schema) (*engine.Snapshot, hcl.Diagnostics) {
	d := &snapshotDecoder{
		fsys:      fsys,
		schemas:   bySchemaKind(schemas),
		resources: map[engine.Addr]*engine.Resource{},
		contents:  map[*engine.Resource]bool{},
		out:       &engine.Snapshot{},
	}
	d.run()
	if d.diags.HasErrors() {
		return nil, d.diags
	}
	d.out.Resources = make([]engine.Resource, 0, len(d.resources))
	for _, r := range d.resources {
		d.out.Resources = append(d.out.Resources, *r)
	}
	slices.SortFunc(d.out.Resources, func(a, b engine.Resource) int { return a.Addr.Compare(b.Addr) })
	return d.out, d.diags
}

type snapshotDecoder struct {
	fsys      fs.FS
	schemas   map[string]engine.Schema
	resources map[engine.Addr]*engine.Resource
	contents  map[*engine.Resource]bool // those whose line of files.lock was seen
	out       *engine.Snapshot
	diags     hcl.Diagnostics
}

func (d *snapshotDecoder) run() {
	entries, err := fs.ReadDir(d.fsys, ".")
	if err != nil {
		d.unreadable(".", err)
		return
	}
	names := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") || strings.HasSuffix(e.Name(), ".lock") {
			names[e.Name()] = true
		}
	}
	if !names[headerFile] {
		d.unreadable(headerFile, fs.ErrNotExist)
		return
	}
	d.hclFile(headerFile, d.headerBlock)
	delete(names, headerFile)
	sorted := slices.Sorted(maps.Keys(names))
	for _, name := range sorted {
		if strings.HasSuffix(name, ".hcl") && !d.full() {
			d.hclFile(name, d.resourceBlock)
		}
	}
	// The locks of kinds before those that speak of any resource.
	rank := func(name string) int {
		return map[string]int{filesLock: 1, pristineLock: 2}[name]
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for _, name := range sorted {
		if strings.HasSuffix(name, ".lock") && !d.full() {
			d.lockFile(name)
		}
	}
	if !d.full() {
		d.complete()
	}
}

// full reports whether enough is wrong.
func (d *snapshotDecoder) full() bool { return len(d.diags) > maxDiags }

func (d *snapshotDecoder) fail(at hcl.Range, wrong string) {
	d.diags = append(d.diags, failure(at, wrong, generatedRemedy))
}

func (d *snapshotDecoder) unreadable(name string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("it is not there")
	}
	d.fail(wholeFile(name), fmt.Sprintf("cannot read %s of the snapshot: %v", name, err))
}

// wholeFile is the place of what concerns a file as a whole.
func wholeFile(name string) hcl.Range {
	return hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
}

func (d *snapshotDecoder) read(name string) ([]byte, bool) {
	b, err := readBounded(d.fsys, name, maxSnapshotFile)
	if err != nil {
		d.unreadable(name, err)
	}
	return b, err == nil
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	return b, err
}

func (d *snapshotDecoder) hclFile(name string, block func(litBlock)) {
	src, ok := d.read(name)
	if !ok {
		return
	}
	d.diags = append(d.diags, parseLiterals(name, src, func(b litBlock) hcl.Diagnostics {
		before := len(d.diags)
		block(b)
		mine := slices.Clone(d.diags[before:])
		d.diags = d.diags[:before]
		return mine
	})...)
}

// resourceBlock takes a block of a KINDs.hcl.
func (d *snapshotDecoder) resourceBlock(b litBlock) {
	s, known := d.schemas[b.kind]
	if !known {
		d.fail(b.rng, fmt.Sprintf("this hikae knows no resources of kind %q", b.kind))
		return
	}
	addr, err := blockAddr(b)
	if err == nil && s.Node {
		err = checkPath(addr.Name)
	}
	if err == nil && len(b.blocks) > 0 {
		err = fmt.Errorf("a %s has no blocks within", b.kind)
	}
	if err != nil {
		d.fail(b.rng, err.Error())
		return
	}
	if !d.add(&engine.Resource{Addr: addr, Range: b.rng}) {
		return
	}
	r := d.resources[addr]
	if hasLock(s) {
		if len(b.attrs) > 0 {
			d.fail(b.rng, fmt.Sprintf("a %s has its attributes in %s", b.kind, kindLock(b.kind)))
		}
		return
	}
	attrs := b.attrs
	if s.Node {
		r.Node, attrs = d.node(b)
	}
	d.setValue(r, s, attrs)
}

// add takes a resource that is not there yet.
func (d *snapshotDecoder) add(r *engine.Resource) bool {
	if first, twice := d.resources[r.Addr]; twice {
		d.fail(r.Range, fmt.Sprintf("%s is in the snapshot twice; first at %s", Escape(r.Addr.String()), place(first.Range)))
		return false
	}
	if len(d.resources) == maxResources {
		d.fail(r.Range, fmt.Sprintf("the snapshot has more than %d resources", maxResources))
		return false
	}
	d.resources[r.Addr] = r
	return true
}

// blockAddr is the address that kind and labels give: one label is the name,
// of two the first is what the name is looked up in.
func blockAddr(b litBlock) (engine.Addr, error) {
	a := engine.Addr{Kind: b.kind}
	if len(b.labels) != 1 && len(b.labels) != 2 {
		return a, fmt.Errorf("a %s has one label, its name", b.kind)
	}
	var err error
	if a.Name, err = Unescape(b.labels[len(b.labels)-1]); err != nil {
		return a, err
	}
	if len(b.labels) == 2 {
		a.In, err = Unescape(b.labels[0])
	}
	if err == nil && a.Name == "" {
		err = errors.New("a name cannot be empty")
	}
	return a, err
}

// setValue sets a resource's attributes from what is written and the defaults.
func (d *snapshotDecoder) setValue(r *engine.Resource, s engine.Schema, attrs []litAttr) {
	vals := make(map[string]cty.Value, len(s.Attrs))
	for _, a := range s.Attrs {
		vals[a.Name] = defaultOf(a)
	}
	for _, la := range attrs {
		a, known := s.Attr(la.name)
		if !known {
			d.fail(d.at(r.Range, la.at, len(la.name)), fmt.Sprintf("this hikae knows no attribute %q of a %s", la.name, s.Kind))
			continue
		}
		v, err := la.value.toCty(a.Type)
		if err != nil {
			d.fail(d.at(r.Range, err.at, 1), la.name+": "+err.why)
			continue
		}
		if err := checkAttr(a, v); err != nil {
			d.diags = append(d.diags, withhold(failure(d.at(r.Range, la.at, len(la.name)), la.name+": "+err.Error(), generatedRemedy)))
			continue
		}
		vals[la.name] = v
	}
	if len(s.Attrs) > 0 {
		r.Value = cty.ObjectVal(vals)
	}
}

// checkAttr refuses a secret in clear.
func checkAttr(a engine.Attr, v cty.Value) error {
	if !a.Secret || v.IsNull() || v.RawEquals(defaultOf(a)) {
		return nil
	}
	return checkSecret(v.AsString())
}

// at is a range of n bytes at a place in the block's file.
func (d *snapshotDecoder) at(block hcl.Range, start hcl.Pos, n int) hcl.Range {
	end := start
	end.Column += n
	end.Byte += n
	return hcl.Range{Filename: block.Filename, Start: start, End: end}
}

// node takes the attributes of a block that say what stands at a path, and
// returns the others.
func (d *snapshotDecoder) node(b litBlock) (*hosts.Node, []litAttr) {
	t := hosts.File
	absent := false
	for _, a := range b.attrs {
		switch a.name {
		case "absent":
			absent = a.value.kind == litBool && a.value.yes
		case "type":
			known := false
			if t, known = nodeTypes[a.value.text]; !known {
				d.fail(d.at(b.rng, a.value.at, 1), "type: want file, directory, link or other")
			}
		}
	}
	if absent {
		t = hosts.Absent
	}
	n := blankNode(t)
	var rest []litAttr
	for _, a := range b.attrs {
		mine, err := setNodeLiteral(n, a)
		if err != nil {
			d.fail(d.at(b.rng, a.value.at, 1), a.name+": "+err.Error())
		}
		if !mine {
			rest = append(rest, a)
		}
	}
	return n, rest
}

// setNodeLiteral sets a field of a node, if the attribute is one of a node.
func setNodeLiteral(n *hosts.Node, a litAttr) (mine bool, err error) {
	switch a.name {
	case "absent", "type":
		return true, nil
	case "xattrs":
		n.Xattrs, err = a.value.rawMap()
		return true, err
	case "link", "mode", "owner", "group", "acl", "default_acl", "caps", "label":
		if n.Type == hosts.Absent {
			return true, errors.New("what is absent has no attributes")
		}
		text, err := a.value.raw()
		if err != nil {
			return true, err
		}
		return true, setNodeField(n, a.name, text)
	}
	return false, nil
}

// raw gives the bytes of a string in Escape's form.
func (v literal) raw() (string, error) {
	if v.kind != litString {
		return "", fmt.Errorf("wanted a string, not %s", v.kind)
	}
	return Unescape(v.text)
}

func (v literal) rawMap() (map[string]string, error) {
	if v.kind != litObject {
		return nil, fmt.Errorf("wanted an object, not %s", v.kind)
	}
	m := make(map[string]string, len(v.keys))
	for i, k := range v.keys {
		key, err := Unescape(k)
		if err != nil {
			return nil, err
		}
		if m[key], err = v.items[i].raw(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (v literal) rawList() ([]string, error) {
	if v.kind != litList {
		return nil, fmt.Errorf("wanted a list, not %s", v.kind)
	}
	list := make([]string, 0, len(v.items))
	for _, item := range v.items {
		s, err := item.raw()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
