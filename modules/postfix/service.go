package postfix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/lens"
	"hikae/engine/lens/postfix"
	"hikae/modules/internal/lensput"
)

// The columns of master.cf behind name and type, in their order.
var columns = []struct {
	attr string
	typ  cty.Type
	doc  string
}{
	{"private", cty.Bool, "Whether only the mail system may reach it; a service of the network is never private. Null: as Postfix has it by default (true), as in the columns below."},
	{"unprivileged", cty.Bool, "Whether it runs as mail_owner and not as root; true by default."},
	{"chroot", cty.Bool, "Whether it runs in the queue directory, with no more of the file system to see; false by default since Postfix 3.0."},
	{"wakeup", cty.String, `After how many seconds it is woken each time; with ? behind them only once it was used: "1000?". Never by default.`},
	{"process_limit", cty.Number, "How many processes it may have, 0 for any number; default_process_limit where nothing is said."},
	{"command", cty.String, "The program, below daemon_directory."},
}

const (
	attrArgs    = "args"
	attrOptions = "options"
	firstColumn = 2
)

func serviceSchema() engine.Schema {
	s := engine.Schema{
		Kind:  KindService,
		Doc:   "A service of Postfix, in /etc/postfix/master.cf. Of two of one name and type the last counts, and is shown.",
		Label: `name and type, with a slash between: "smtp/inet", "pickup/unix"`,
		Stage: engine.StageConfig,
	}
	for _, c := range columns {
		s.Attrs = append(s.Attrs, engine.Attr{Name: c.attr, Type: c.typ, Doc: c.doc})
	}
	s.Attrs = append(s.Attrs,
		engine.Attr{Name: attrOptions, Type: cty.Map(cty.String), Doc: "Parameters that are others for it than in main.cf: its -o name=value."},
		engine.Attr{Name: attrArgs, Type: cty.List(cty.String), Doc: "What else the program is called with, in its order, without braces."})
	return s
}

// option is a -o name=value of a service.
type option struct {
	name, value string
	words       []lens.Span // -o and what it says, or both in one
}

// service is what a line of master.cf has behind its columns.
type service struct {
	node    *lens.Node
	options []option
	args    []string
	argAt   []lens.Span
}

func serviceOf(src []byte, n *lens.Node) *service {
	s := &service{node: n}
	words := n.Words[postfix.Columns:]
	options := true
	for i := 0; i < len(words); i++ {
		text := postfix.Unbrace(postfix.Text(src, words[i]))
		joined := strings.HasPrefix(text, "-o") && len(text) > 2
		at := words[i : i+1]
		said := strings.TrimPrefix(text, "-o")
		if options && text == "-o" && i+1 < len(words) {
			at, said = words[i:i+2], postfix.Unbrace(postfix.Text(src, words[i+1]))
		}
		name, val, ok := strings.Cut(said, "=")
		if options && (joined || len(at) == 2) && ok && strings.Trim(name, lens.Blank) != "" {
			s.options = append(s.options, option{strings.Trim(name, lens.Blank), strings.Trim(val, lens.Blank), at})
			i += len(at) - 1
			continue
		}
		options = options && strings.HasPrefix(text, "-") && text != "--" && text != "-"
		s.args, s.argAt = append(s.args, text), append(s.argAt, words[i])
	}
	return s
}

// named are the services of a name and type, in the order of the file.
func (c *config) named(name string) []*lens.Node {
	if c.master == nil {
		return nil
	}
	var found []*lens.Node
	for _, n := range c.master.Tree.Root.Nodes {
		if len(n.Words) > 0 && serviceName(c.master.Source(), n) == name {
			found = append(found, n)
		}
	}
	return found
}

func serviceName(src []byte, n *lens.Node) string { return n.Word(src, 0) + "/" + n.Word(src, 1) }

// services shows those of master.cf, each once.
func (c *config) services() ([]engine.Resource, hcl.Diagnostics) {
	if c.master == nil {
		return nil, nil
	}
	var diags hcl.Diagnostics
	src := c.master.Source()
	last := map[string]*lens.Node{}
	for _, n := range c.master.Tree.Root.Nodes {
		if len(n.Words) > 0 {
			last[serviceName(src, n)] = n
		}
	}
	var resources []engine.Resource
	for _, n := range c.master.Tree.Root.Nodes {
		if len(n.Words) == 0 || last[serviceName(src, n)] != n || !utf8.Valid(src[n.Whole.Start:n.Whole.End]) {
			continue
		}
		lens.Show(n)
		if n.Word(src, 1) == "inet" && n.Word(src, firstColumn) != "n" {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Service that Postfix would not take",
				Detail: fmt.Sprintf("%s is one of the network, and private: master(8) does not start with it.", serviceName(src, n)), Subject: c.master.RangeOf(n.Whole)})
		}
		resources = append(resources, engine.Resource{
			Addr:  engine.Addr{Kind: KindService, Name: serviceName(src, n)},
			Value: cty.ObjectVal(serviceOf(src, n).values(src)),
			Range: *c.master.RangeOf(n.Whole),
		})
	}
	return resources, diags
}

func (s *service) values(src []byte) map[string]cty.Value {
	vals := map[string]cty.Value{}
	for i, c := range columns {
		vals[c.attr] = columnValue(c.typ, s.node.Word(src, firstColumn+i))
	}
	vals[attrOptions], vals[attrArgs] = cty.NullVal(cty.Map(cty.String)), cty.NullVal(cty.List(cty.String))
	if len(s.options) > 0 {
		m := map[string]cty.Value{}
		for _, o := range s.options {
			m[o.name] = cty.StringVal(o.value)
		}
		vals[attrOptions] = cty.MapVal(m)
	}
	if len(s.args) > 0 {
		vals[attrArgs] = lensput.Strings(s.args)
	}
	return vals
}

func columnValue(typ cty.Type, text string) cty.Value {
	switch {
	case text == "-":
		return cty.NullVal(typ)
	case typ == cty.Bool:
		return cty.BoolVal(text == "y")
	case typ == cty.Number:
		if v, err := cty.ParseNumberVal(text); err == nil {
			return v
		}
		return cty.NullVal(typ)
	}
	return cty.StringVal(text)
}

// columnText is a value as its column has it.
func columnText(v cty.Value) string {
	switch {
	case v == cty.NilVal || v.IsNull():
		return "-"
	case v.Type() == cty.Bool:
		return map[bool]string{true: "y", false: "n"}[v.True()]
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	}
	return v.AsString()
}

// service makes an edit of one.
func (p *put) service(e engine.Edit) {
	found := p.named(e.Addr.Name)
	if e.Absent {
		for _, n := range found {
			p.master.Tree.Remove(n)
			p.Touch(p.master, e.Addr)
		}
		return
	}
	if len(found) == 0 {
		if p.checkService(e, true) {
			p.addService(e)
		}
		return
	}
	n := found[len(found)-1]
	src := p.master.Source()
	if !utf8.Valid(src[n.Whole.Start:n.Whole.End]) {
		p.Fail(e.RangeOf(""), "Service cannot be edited", "%s holds what is no UTF-8, in %s.", e.Addr.Name, p.master.RangeOf(n.Whole))
		return
	}
	s := serviceOf(src, n)
	e = others(e, s.values(src)) // what is there stays, however odd
	if !p.checkService(e, false) {
		return
	}
	for i, c := range columns {
		if v, ok := e.Attrs[c.attr]; ok {
			p.master.Replace(n.Words[firstColumn+i], columnText(v))
			p.Touch(p.master, e.Addr)
		}
	}
	options, changeOptions := optionsWanted(e)
	changeOptions = changeOptions && (len(options) > 0 || len(s.options) > 0)
	args, changeArgs := argsWanted(e)
	changeArgs = changeArgs && !equal(args, s.args)
	if changeOptions || changeArgs {
		if !changeOptions {
			options = nil
		}
		if !changeArgs {
			args = s.args
		}
		s.set(p.master.Tree, options, changeOptions, args)
		p.Touch(p.master, e.Addr)
	}
}

// others is an edit without what it leaves as it is.
func others(e engine.Edit, have map[string]cty.Value) engine.Edit {
	attrs := map[string]cty.Value{}
	for name, v := range e.Attrs {
		if !v.RawEquals(have[name]) {
			attrs[name] = v
		}
	}
	e.Attrs = attrs
	return e
}

// optionsWanted are the options that an edit says; false where it says nothing.
func optionsWanted(e engine.Edit) (map[string]string, bool) {
	v, ok := e.Attrs[attrOptions]
	options := map[string]string{}
	if ok && !v.IsNull() {
		for name, o := range v.AsValueMap() {
			options[name] = o.AsString()
		}
	}
	return options, ok
}

func argsWanted(e engine.Edit) ([]string, bool) {
	v, ok := e.Attrs[attrArgs]
	if !ok || v.IsNull() {
		return nil, ok
	}
	args, _ := stringsOf(v)
	return args, true
}

// set makes the options and arguments of a service others. Options come first:
// what follows an argument that is none is not looked at.
func (s *service) set(f *lens.File, options map[string]string, changeOptions bool, args []string) {
	src := f.Source()
	gone := map[lens.Span]bool{}
	behind := s.node.Words[postfix.Columns-1] // what new options stand behind
	var added []string
	if changeOptions {
		last := map[string]int{}
		for i, o := range s.options {
			last[o.name] = i
		}
		for i, o := range s.options {
			want, ok := options[o.name]
			switch {
			case !ok || last[o.name] != i:
				for _, w := range o.words {
					gone[w] = true
				}
			case !cty.StringVal(want).RawEquals(cty.StringVal(o.value)):
				f.Replace(o.words[len(o.words)-1], optionWord(o, want))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(options)) {
			if _, ok := last[name]; !ok {
				word, _ := postfix.Brace(optionText(name, options[name]))
				added = append(added, "-o "+word)
			}
		}
	}
	sep := s.separator(src)
	for _, o := range s.options {
		if last := o.words[len(o.words)-1]; !gone[last] {
			behind = last
		}
	}
	for _, text := range added {
		f.Insert(behind.End, sep+text)
	}
	s.setArgs(f, args, gone)
	if len(gone) > 0 {
		removeWords(f, s.node.Words, postfix.MasterBlanks, func(w lens.Span) bool { return gone[w] })
	}
}

// setArgs makes the arguments others; those that go are put among gone.
func (s *service) setArgs(f *lens.File, args []string, gone map[lens.Span]bool) {
	head, tail := common(s.args, args)
	from, to := s.argAt[head:len(s.args)-tail], args[head:len(args)-tail]
	paired := min(len(from), len(to))
	for i := range paired {
		f.Replace(from[i], argWord(to[i]))
	}
	for _, w := range from[paired:] {
		gone[w] = true
	}
	at, before := 0, ""
	for _, w := range s.node.Words {
		if !gone[w] {
			at = w.End
		}
	}
	if n := head + paired; n > 0 {
		at = s.argAt[n-1].End
	} else if len(s.argAt) > 0 && len(to) > paired {
		at, before = s.argAt[0].Start, " "
	}
	for _, a := range to[paired:] {
		if before != "" {
			f.Insert(at, argWord(a)+before)
			continue
		}
		f.Insert(at, " "+argWord(a))
	}
}

func argWord(text string) string {
	word, _ := postfix.Brace(text)
	return word
}

func optionText(name, value string) string {
	if strings.ContainsAny(value, postfix.MasterBlanks) {
		return name + " = " + value
	}
	return name + "=" + value
}

// optionWord is an option's last word with another value.
func optionWord(o option, value string) string {
	word, _ := postfix.Brace(optionText(o.name, value))
	if len(o.words) == 1 {
		if strings.HasPrefix(word, "{") {
			return "-o " + word
		}
		return "-o" + word
	}
	return word
}

// separator is what stands before an option: a line of its own, indented as the
// others are.
func (s *service) separator(src []byte) string {
	for i, w := range s.node.Words[1:] {
		gap := string(src[s.node.Words[i].End:w.Start])
		if n := strings.LastIndexByte(gap, '\n'); n >= 0 {
			return lens.Newline(src) + gap[n+1:]
		}
	}
	return lens.Newline(src) + "  "
}

// checkService refuses what master.cf cannot hold.
func (p *put) checkService(e engine.Edit, isNew bool) bool {
	fail := func(attr, format string, args ...any) bool {
		p.Fail(e.RangeOf(attr), "Service that Postfix would not take", format, args...)
		return false
	}
	for i, c := range columns {
		v, ok := e.Attrs[c.attr]
		text := columnText(v)
		if why := postfix.CheckColumn(firstColumn+i, text); ok && why != "" {
			return fail(c.attr, "%s: %q is not %s.", c.attr, text, why)
		}
	}
	command, said := e.Attrs["command"]
	if said || isNew {
		text := columnText(command)
		if word, ok := postfix.Brace(text); !ok || word != text || text == "-" || text[0] == '{' {
			return fail("command", "%s: say with command what program it is, by its name below daemon_directory.", e.Addr.Name)
		}
	}
	options, _ := optionsWanted(e)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		text := optionText(name, options[name])
		if _, ok := postfix.Brace(text); !ok || !plainName(name) || strings.Trim(options[name], lens.Blank) != options[name] {
			return fail(attrOptions, "The option %q: a name is one word without an equals sign, and a value one line whose braces are closed.", name)
		}
	}
	args, _ := argsWanted(e)
	for _, a := range args {
		if _, ok := postfix.Brace(a); !ok || a == "" {
			return fail(attrArgs, "The argument %q: it is one line, not empty, and its braces are closed.", a)
		}
	}
	if s := (serviceOf([]byte(argLine(args)), argNode(args))); len(s.options) > 0 {
		return fail(attrArgs, "An argument -o is written among the options.")
	}
	return p.checkName(e, isNew)
}

func plainName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "={}"+lens.Blank)
}

func argLine(args []string) string {
	words := []string{"x unix - - - - - x"}
	for _, a := range args {
		words = append(words, argWord(a))
	}
	return strings.Join(words, " ")
}

func argNode(args []string) *lens.Node {
	src := []byte(argLine(args))
	return &lens.Node{Words: postfix.Words(src, lens.Span{End: len(src)}, postfix.MasterBlanks)}
}

// checkName looks at what a service is called, and at what the name makes of it.
func (p *put) checkName(e engine.Edit, isNew bool) bool {
	i := strings.LastIndexByte(e.Addr.Name, '/')
	name, typ := e.Addr.Name[:max(i, 0)], e.Addr.Name[i+1:]
	private, said := e.Attrs["private"]
	switch {
	case isNew && (name == "" || name[0] == '#' || strings.ContainsAny(name, "{}\x00"+lens.Blank) || postfix.CheckColumn(1, typ) != ""):
		p.Fail(e.RangeOf(""), "Not a service's name", "%q: a service is named as master.cf does, with its type behind a slash: \"smtp/inet\", \"pickup/unix\".", e.Addr.Name)
	case typ == "inet" && (said || isNew) && columnText(private) != "n":
		p.Fail(e.RangeOf("private"), "Service that Postfix would not take", "A service of the network cannot be private: write private = false.")
	default:
		return true
	}
	return false
}

// addService writes one that is not there, at the end.
func (p *put) addService(e engine.Edit) {
	if p.master == nil {
		p.Fail(e.RangeOf(""), "No master.cf", "%s is not there, or cannot be read here: the package postfix brings it.", masterPath)
		return
	}
	i := strings.LastIndexByte(e.Addr.Name, '/')
	cells := []any{e.Addr.Name[:i], e.Addr.Name[i+1:]}
	for _, c := range columns {
		cells = append(cells, columnText(e.Attrs[c.attr]))
	}
	nl := lens.Newline(p.master.Source())
	line := fmt.Sprintf("%-9s %-5s %-7s %-7s %-7s %-7s %-7s %s", cells...)
	options, _ := optionsWanted(e)
	for _, name := range slices.Sorted(maps.Keys(options)) {
		word, _ := postfix.Brace(optionText(name, options[name]))
		line += nl + "  -o " + word
	}
	args, _ := argsWanted(e)
	for i, a := range args {
		if i == 0 && len(options) > 0 {
			line += nl + " "
		}
		line += " " + argWord(a)
	}
	p.master.Append(line)
	p.Touch(p.master, e.Addr)
}
