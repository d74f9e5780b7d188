package httpd

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens/apache"
	"hikae/hosts"
	"hikae/modules/internal/lensput"
)

// hostName is what a new virtual host may be called: what may be the name of a
// file too.
var hostName = engine.Form(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// create writes a virtual host that is not there.
func (p *put) create(wish engine.Edit) {
	e := &edit{put: p, v: &vhost{name: wish.Addr.Name}, wish: wish}
	host, port := splitAddress(wish.Addr.Name)
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || !hostName().MatchString(host) {
		e.fail("", "%q is no name of a new virtual host: it is SERVERNAME:PORT, as www.example.org:443.", wish.Addr.Name)
		return
	}
	if len(p.order) == 0 {
		e.fail("", "There is no %s: httpd is not installed, or has its configuration elsewhere.", mainFile)
		return
	}
	target := p.target(e, host, port)
	if target == nil {
		return
	}
	text, ok := e.block(host, port, target)
	if !ok {
		return
	}
	if target.Tree != nil {
		target.Tree.AppendTo(target.Tree.Root, text)
	} else {
		target.Append(text)
	}
	p.Touch(target.File, wish.Addr)
	p.foremost(e, target)
}

// foremost tells that a new virtual host comes before those that answer at its
// address: httpd gives the first that it reads what is asked for by other names.
func (p *put) foremost(e *edit, target *file) {
	for _, v := range p.vhosts {
		if v.made || path.Dir(v.file.Path) != path.Dir(target.Path) || first(v.addresses) != first(e.v.addresses) {
			continue
		}
		if v.file.Path > target.Path {
			p.Diags = append(p.Diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "First of its address", Subject: e.wish.RangeOf(""),
				Detail: fmt.Sprintf("httpd reads %s before %s: at %s %q answers for all names that no other virtual host has, and %q no longer. Name another file if that is not meant.",
					target.Path, v.file.Path, first(v.addresses), e.wish.Addr.Name, v.name)})
		}
		return
	}
}

// target is the file that a new virtual host is written in.
func (p *put) target(e *edit, host, port string) *file {
	name := path.Join(siteDir, strings.ToLower(host)+".conf")
	f := e.wish.Attrs[attrFile]
	said := f != cty.NilVal && !f.IsNull()
	if said {
		name = path.Clean(f.AsString())
	}
	if !said && p.there(name) {
		name = path.Join(siteDir, strings.ToLower(host)+"-"+port+".conf")
	}
	if real, err := engine.Resolve(p.tree, name); err == nil {
		if known := p.files[real]; known != nil {
			return known
		}
		e.fail(attrFile, "%s is there, and httpd does not read it: name another file.", name)
		return nil
	}
	if known := p.added[name]; known != nil {
		return known
	}
	if !p.included(name) {
		e.fail(attrFile, "httpd would not read %s: no Include or IncludeOptional of its main server is for that.", name)
		return nil
	}
	added := &file{File: lensput.New(name)}
	p.Make(added.File, hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root"})
	p.added[name] = added
	return added
}

// there tells whether a file is there already, or is made in this Put.
func (p *put) there(name string) bool {
	_, err := engine.Resolve(p.tree, name)
	return err == nil || p.added[name] != nil
}

// included tells whether httpd would read a new file.
func (c *config) included(name string) bool {
	for _, g := range c.globs {
		if ok, _ := path.Match(g, name); ok || strings.HasPrefix(name, g+"/") {
			return true
		}
	}
	return false
}

// block is a new virtual host as it is written.
func (e *edit) block(host, port string, target *file) (string, bool) {
	addresses := texts(attrOr(e.wish, attrListen, cty.ListVal([]cty.Value{cty.StringVal("*:" + port)})))
	step := "    "
	if target.Tree != nil {
		step = target.Tree.Step()
	}
	base := "<VirtualHost *:" + port + ">\n" + step + "ServerName " + host + "\n</VirtualHost>\n"
	parsed, err := apache.Parse([]byte(base))
	if err != nil {
		panic(fmt.Sprintf("httpd: the grammar does not take what the lens writes: %v", err))
	}
	own := &file{File: lensput.FileOf(target.Path, []byte(base))}
	own.Tree, own.Document = parsed, parsed.Document
	n := parsed.Root.Nodes[0]
	e.v = &vhost{name: e.wish.Addr.Name, file: own, node: n, at: e.wish.RangeOf(""), addresses: addresses}
	e.v.statements = []statement{{file: own, node: n.Nodes[0], own: true}}

	before := len(e.Diags)
	wish := e.wish
	wish.Attrs = maps.Clone(wish.Attrs)
	delete(wish.Attrs, attrListen)
	if len(addresses) > 0 {
		wish.Attrs[attrListen] = strs(addresses)
	}
	made := &edit{put: &put{config: e.config}, v: e.v, wish: wish} // what it touches is no file
	made.listen()
	made.attributes()
	e.Diags = append(e.Diags, made.Diags...)
	b, err := own.Bytes()
	if err != nil {
		e.fail("", "%s.", err)
	}
	return strings.TrimSuffix(string(b), "\n"), !e.Diags[before:].HasErrors()
}

// attrOr is an attribute that is wished, or else another value.
func attrOr(wish engine.Edit, attr string, or cty.Value) cty.Value {
	if v, ok := wish.Attrs[attr]; ok && !v.IsNull() {
		return v
	}
	return or
}
