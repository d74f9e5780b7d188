package lang

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

// lockFile reads a lock line by line.
func (d *snapshotDecoder) lockFile(name string) {
	src, ok := d.read(name)
	if !ok {
		return
	}
	line, err := d.lockReader(name)
	if err != nil {
		d.fail(wholeFile(name), err.Error())
		return
	}
	off, number := 0, 0
	for text := range bytes.Lines(src) {
		number++
		at := hcl.Range{Filename: name}
		at.Start = hcl.Pos{Line: number, Column: 1, Byte: off}
		off += len(text)
		s := string(bytes.TrimRight(text, "\n"))
		at.End = hcl.Pos{Line: number, Column: len(s) + 1, Byte: at.Start.Byte + len(s)}
		if s == "" || s[0] == '#' {
			continue
		}
		if err := line(strings.Split(s, " "), at); err != nil {
			d.fail(at, err.Error())
		}
		if d.full() {
			return
		}
	}
}

// lockReader gives what reads a line of the lock file.
func (d *snapshotDecoder) lockReader(name string) (func([]string, hcl.Range) error, error) {
	switch name {
	case filesLock:
		return d.contentFields, nil
	case pristineLock:
		return d.pristineFields, nil
	}
	for _, s := range d.schemas {
		if hasLock(s) && kindLock(s.Kind) == name {
			return func(f []string, at hcl.Range) error { return d.lockFields(s, f, at) }, nil
		}
	}
	return nil, errors.New("this hikae knows no kind with such a lock file")
}

// lockFields reads: NAME VERSION ATTRIBUTE...
func (d *snapshotDecoder) lockFields(s engine.Schema, f []string, at hcl.Range) error {
	if len(f) < 2 {
		return errors.New("want NAME VERSION")
	}
	addr := engine.Addr{Kind: s.Kind}
	var err error
	if addr.Name, err = unfield(f[0]); err != nil {
		return err
	}
	if addr.Name == "" {
		return errors.New("a name cannot be empty")
	}
	vals, err := d.lockValues(s, f, &addr)
	if err != nil {
		return err
	}
	r := d.resources[addr]
	if r == nil {
		r = &engine.Resource{Addr: addr, Range: at}
		d.add(r)
	} else {
		if r.Value != cty.NilVal {
			return fmt.Errorf("%s is in it twice", Escape(addr.String()))
		}
		vals[askedAttr] = cty.True
	}
	r.Value = cty.ObjectVal(vals)
	return nil
}

func (d *snapshotDecoder) lockValues(s engine.Schema, f []string, addr *engine.Addr) (map[string]cty.Value, error) {
	vals := make(map[string]cty.Value, len(s.Attrs))
	for _, a := range s.Attrs {
		vals[a.Name] = defaultOf(a)
		if isVersion(a) {
			vals[a.Name] = cty.NullVal(cty.String)
		}
	}
	vals[askedAttr] = cty.False
	if f[1] != emptyField {
		f = slices.Clone(f)
		f[1] = versionAttr + "=" + f[1]
	} else {
		f = slices.Delete(slices.Clone(f), 1, 2)
	}
	for _, text := range f[1:] {
		if in, ok := strings.CutPrefix(text, "@"); ok {
			raw, err := Unescape(in)
			if err != nil {
				return nil, err
			}
			addr.In = raw
			continue
		}
		name, v, err := parseLockAttr(s, text)
		if err != nil {
			return nil, err
		}
		vals[name] = v
	}
	return vals, nil
}

// parseLockAttr is the inverse of lockAttr.
func parseLockAttr(s engine.Schema, field string) (string, cty.Value, error) {
	name, escaped, given := strings.Cut(field, "=")
	bare, null := strings.CutPrefix(name, "!")
	a, known := s.Attr(bare)
	if !known {
		return "", cty.NilVal, fmt.Errorf("this hikae knows no attribute %q of a %s", bare, s.Kind)
	}
	text, err := Unescape(escaped)
	if err != nil {
		return "", cty.NilVal, err
	}
	var v cty.Value
	switch {
	case null && !given:
		v = cty.NullVal(a.Type)
	case !given && a.Type == cty.Bool:
		v = cty.True
	case !given || null:
		return "", cty.NilVal, fmt.Errorf("%q has no value", name)
	case a.Type == cty.String:
		v = cty.StringVal(text)
	default:
		if v, err = parseValue(text, a.Type); err != nil {
			return "", cty.NilVal, fmt.Errorf("%s: %w", bare, err)
		}
	}
	if err := checkAttr(a, v); err != nil {
		return "", cty.NilVal, fmt.Errorf("%s: %w", bare, err)
	}
	return bare, v, nil
}

// parseValue reads one literal.
func parseValue(text string, ty cty.Type) (cty.Value, error) {
	p := &literalParser{src: text, line: 1}
	v, diag := p.value(0)
	if diag != nil {
		return cty.NilVal, errors.New(diag.Summary)
	}
	p.skip(true)
	if p.off != len(p.src) {
		return cty.NilVal, errors.New("there is more than a value")
	}
	val, err := v.toCty(ty)
	if err != nil {
		return cty.NilVal, err
	}
	return val, nil
}

// contentFields reads: ID SIZE sealed|- ADDRESS PACKAGE|- and, of a kind whose
// block has no node, the node.
func (d *snapshotDecoder) contentFields(f []string, _ hcl.Range) error {
	if len(f) < 5 {
		return errors.New("want ID SIZE sealed|- ADDRESS PACKAGE|-")
	}
	var c hosts.Content
	var err error
	if f[0] != emptyField {
		if c.ID, err = hosts.ParseID(f[0]); err != nil {
			return err
		}
	}
	if c.Size, err = parseSize(f[1]); err != nil {
		return err
	}
	switch f[2] {
	case "sealed":
		c.Sealed = true
	case emptyField:
	default:
		return fmt.Errorf("%q: want sealed or -", f[2])
	}
	r, err := d.known(f[3])
	if err != nil {
		return err
	}
	if !d.schemas[r.Addr.Kind].Node {
		if r.Node != nil {
			return fmt.Errorf("%s is in it twice", f[3])
		}
		if r.Node, err = parseNodeLine(f[5:]); err != nil {
			return err
		}
	} else if len(f) > 5 {
		return errors.New("there is more on this line than a content")
	}
	if r.Node == nil || d.contents[r] || r.Node.Type == hosts.Absent && c != (hosts.Content{}) {
		return fmt.Errorf("%s cannot have a content here", f[3])
	}
	d.contents[r] = true
	r.Node.Content = c
	return setPackage(r, f[4])
}

// known finds the resource that a lock line speaks of.
func (d *snapshotDecoder) known(address string) (*engine.Resource, error) {
	addr, err := parseAddrField(address)
	if err != nil {
		return nil, err
	}
	r := d.resources[addr]
	if r == nil {
		return nil, fmt.Errorf("%s is in none of the .hcl files", address)
	}
	return r, nil
}

// setPackage notes the owner, which two lock files may name.
func setPackage(r *engine.Resource, field string) error {
	name, err := unfield(field)
	if err != nil {
		return err
	}
	if r.Package != "" && r.Package != name {
		return fmt.Errorf("two packages own %s: %s and %s", Escape(r.Addr.String()), Escape(r.Package), Escape(name))
	}
	r.Package = name
	return nil
}

// pristineFields reads: ADDRESS PACKAGE|- same|edited|owned and the node that
// the package installed.
func (d *snapshotDecoder) pristineFields(f []string, at hcl.Range) error {
	if len(f) < 3 {
		return errors.New("want ADDRESS PACKAGE same|edited|owned")
	}
	addr, err := parseAddrField(f[0])
	if err != nil {
		return err
	}
	s, known := d.schemas[addr.Kind]
	if !known {
		return fmt.Errorf("this hikae knows no resources of kind %q", Escape(addr.Kind))
	}
	r := d.resources[addr]
	if r == nil {
		if r, err = d.pristineResource(s, addr, f, at); err != nil {
			return err
		}
	}
	if r.Pristine != nil {
		return fmt.Errorf("%s is in it twice", f[0])
	}
	if f[2] != pristineOwned {
		if r.Pristine, err = parseNodeLine(f[3:]); err != nil {
			return err
		}
		if r.Node == nil && f[2] == pristineSame {
			r.Node = r.Pristine.Clone()
			d.contents[r] = true
		}
	}
	return setPackage(r, f[1])
}

// pristineResource makes a resource that no .hcl has, because it is just what
// its package installed.
func (d *snapshotDecoder) pristineResource(s engine.Schema, addr engine.Addr, f []string, at hcl.Range) (*engine.Resource, error) {
	if f[2] != pristineSame {
		return nil, fmt.Errorf("%s is in none of the .hcl files", f[0])
	}
	if len(s.Attrs) > 0 {
		return nil, fmt.Errorf("a %s is more than a node: its .hcl is missing", s.Kind)
	}
	if s.Node {
		if err := checkPath(addr.Name); err != nil {
			return nil, err
		}
	}
	r := &engine.Resource{Addr: addr, Range: at}
	if !d.add(r) {
		return nil, fmt.Errorf("%s cannot be added", f[0])
	}
	return r, nil
}

// complete checks that no file lacks its line in a lock.
func (d *snapshotDecoder) complete() {
	for _, r := range d.resources {
		s := d.schemas[r.Addr.Kind]
		switch {
		case hasLock(s) && r.Value == cty.NilVal:
			d.fail(r.Range, fmt.Sprintf("%s is not in %s", Escape(r.Addr.String()), kindLock(s.Kind)))
		case s.Node && r.Node == nil:
			d.fail(r.Range, fmt.Sprintf("%s has no node", Escape(r.Addr.String())))
		case s.Node && r.Node.Type == hosts.File && !d.contents[r]:
			d.fail(r.Range, fmt.Sprintf("the content of %s is not in %s", Escape(r.Addr.Name), filesLock))
		}
		if d.full() {
			return
		}
	}
}
