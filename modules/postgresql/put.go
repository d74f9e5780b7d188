package postgresql

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lens/postgresql"
	"hikae/modules/internal/lensput"
)

// Put makes the edits. It implies no other resources.
func (Lens) Put(t engine.Tree, edits []engine.Edit) ([]engine.FileEdit, []engine.Resource, hcl.Diagnostics) {
	c := load(t)
	if c.diags.HasErrors() {
		return nil, nil, c.diags
	}
	p := &put{cluster: c}
	for _, e := range lensput.Sorted(edits) {
		if e.Addr.Kind == KindHBA {
			p.rule(e)
		} else {
			p.setting(e)
		}
	}
	files := p.Files()
	return files, nil, p.Diags
}

type put struct {
	lensput.Put
	*cluster
}

func (p *put) setting(e engine.Edit) {
	name := e.Addr.Name
	want, said := e.Attrs[attrValue]
	all := p.lines[name]
	switch {
	case strings.HasPrefix(name, "include"):
		p.Fail(e.RangeOf(""), "No setting", "%s is a directive of postgresql.conf, not a setting.", name)
		return
	case name != strings.ToLower(name) || !shownName(name) || !postgresqlName(name):
		p.Fail(e.RangeOf(""), "Not a setting's name", "%q cannot be one: letters in lower case, digits, _ and at most one dot.", name)
		return
	case e.Absent || said && want.IsNull():
		for _, s := range all {
			s.file.Tree.Remove(s.node)
			p.Touch(s.file, e.Addr)
		}
		return
	case !said:
		return
	}
	old, word := "", ""
	if len(all) > 0 {
		old, word = all[len(all)-1].says(), all[len(all)-1].word()
		if v, ok := value(name, old); ok && v.RawEquals(want) {
			return
		}
	}
	text, err := says(name, old, want)
	if err != nil {
		p.Fail(e.RangeOf(attrValue), "Value that PostgreSQL would not take", "%s.", err)
		return
	}
	switch {
	case word != "" && text == old:
	case word != "":
		s := all[len(all)-1]
		s.file.Replace(s.node.Words[1], written(name, word, text))
		p.Touch(s.file, e.Addr)
	case p.main == nil:
		p.Fail(e.RangeOf(""), "No cluster to set it in", "%s/postgresql.conf is not known. initdb makes it; a snapshot carries it where the project declares paths = [%q].", p.dir, p.dir)
	default:
		p.main.Append(name + " = " + written(name, "", text))
		p.Touch(p.main, e.Addr)
	}
	if p.auto[name] {
		p.Diags = append(p.Diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "ALTER SYSTEM overrules it",
			Detail: name + " is set in postgresql.auto.conf too, which PostgreSQL reads last: ALTER SYSTEM RESET " + name + " ends that.", Subject: e.RangeOf(attrValue)})
	}
}

// postgresqlName tells whether a file may set something of a name.
func postgresqlName(name string) bool {
	f, err := postgresql.Parse([]byte(name + " = 1"))
	return err == nil && len(f.Root.Nodes) == 1 && f.Root.Nodes[0].Name(f.Source()) == name
}
