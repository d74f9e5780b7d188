package lang

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/hosts"
)

// headerBlock takes a block of snapshot.hcl.
func (d *snapshotDecoder) headerBlock(b litBlock) {
	var set func(litAttr) error
	switch {
	case b.kind == "snapshot" && len(b.labels) == 0:
		set = d.headAttr
	case b.kind == "facts" && len(b.labels) == 0:
		set = func(a litAttr) error { return setFact(&d.out.Facts, a) }
	case b.kind == "coverage" && len(b.labels) == 1:
		d.coverage(b)
		return
	default:
		d.fail(b.rng, fmt.Sprintf("there is no %q in %s", b.kind, headerFile))
		return
	}
	for _, a := range b.attrs {
		if err := set(a); err != nil {
			d.fail(d.at(b.rng, a.at, len(a.name)), a.name+": "+err.Error())
		}
	}
}

func (d *snapshotDecoder) headAttr(a litAttr) (err error) {
	switch a.name {
	case "format":
		if a.value.text != strconv.Itoa(snapshotFormat) {
			return fmt.Errorf("the snapshot has form %q and this hikae reads %d: use the hikae that took it, or a newer one", a.value.text, snapshotFormat)
		}
	case "host":
		d.out.Host, err = a.value.raw()
	case "hikae":
		d.out.Version, err = a.value.raw()
	case "taken":
		d.out.Taken, err = time.Parse(time.RFC3339Nano, a.value.text)
		d.out.Taken = d.out.Taken.UTC()
		if err != nil {
			err = fmt.Errorf("%q is no time in RFC 3339", a.value.text)
		}
	default:
		err = fmt.Errorf("this hikae does not know it")
	}
	return err
}

func setFact(to *hosts.Facts, a litAttr) (err error) {
	for _, f := range facts(to) {
		if f.name != a.name {
			continue
		}
		switch {
		case f.text != nil:
			*f.text, err = a.value.raw()
		case f.num != nil:
			*f.num, err = a.value.integer()
		case f.list != nil:
			*f.list, err = a.value.rawList()
		case a.value.kind != litBool:
			err = fmt.Errorf("wanted true or false, not %s", a.value.kind)
		default:
			*f.flag = a.value.yes
		}
		return err
	}
	return fmt.Errorf("this hikae knows no such fact")
}

func (v literal) integer() (int64, error) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	if v.kind != litNumber || err != nil {
		return 0, fmt.Errorf("wanted a whole number")
	}
	return n, nil
}

func (d *snapshotDecoder) coverage(b litBlock) {
	kind, err := Unescape(b.labels[0])
	if err != nil {
		d.fail(b.rng, err.Error())
		return
	}
	if _, twice := d.out.Coverage[kind]; twice {
		d.fail(b.rng, "the coverage of "+Escape(kind)+" is written twice")
		return
	}
	var c engine.Coverage
	for _, a := range b.attrs {
		if err := setCoverage(&c, a); err != nil {
			d.fail(d.at(b.rng, a.at, len(a.name)), a.name+": "+err.Error())
		}
	}
	for _, nested := range b.blocks {
		h, diag := d.hole(nested)
		if diag != nil {
			d.diags = append(d.diags, diag)
			continue
		}
		c.Holes = append(c.Holes, h)
	}
	if d.out.Coverage == nil {
		d.out.Coverage = map[string]engine.Coverage{}
	}
	d.out.Coverage[kind] = c
}

func setCoverage(c *engine.Coverage, a litAttr) (err error) {
	switch a.name {
	case "whole":
		if a.value.kind != litBool {
			return fmt.Errorf("wanted true or false, not %s", a.value.kind)
		}
		c.Whole = a.value.yes
	case "roots":
		c.Roots, err = a.value.rawList()
	case "mounts":
		c.Mounts, err = a.value.rawList()
	case "notes":
		c.Notes, err = a.value.rawList()
	case "skipped":
		c.Skipped, err = a.value.counts()
	default:
		err = fmt.Errorf("this hikae does not know it")
	}
	return err
}

// counts gives an object of whole numbers.
func (v literal) counts() (map[string]int, error) {
	if v.kind != litObject {
		return nil, fmt.Errorf("wanted an object, not %s", v.kind)
	}
	m := make(map[string]int, len(v.keys))
	for i, k := range v.keys {
		key, err := Unescape(k)
		if err != nil {
			return nil, err
		}
		n, err := v.items[i].integer()
		if err != nil {
			return nil, err
		}
		m[key] = int(n)
	}
	return m, nil
}

func (d *snapshotDecoder) hole(b litBlock) (h engine.Hole, diag *hcl.Diagnostic) {
	if b.kind != "hole" || len(b.labels) != 1 || len(b.attrs) != 1 || b.attrs[0].name != "error" {
		return h, failure(b.rng, `wanted hole "PATH" { error = "..." }`, generatedRemedy)
	}
	var err error
	if h.Path, err = Unescape(b.labels[0]); err == nil {
		h.Err, err = b.attrs[0].value.raw()
	}
	if err != nil {
		return h, failure(b.rng, err.Error(), generatedRemedy)
	}
	return h, nil
}
