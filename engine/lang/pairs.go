package lang

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"hikae/engine/rules"
)

var (
	pairAttrs   = []string{"audit", "delay", "drift", "hostonly", "initial_primary", "keep", "members", "paths", "safe"}
	mirrorAttrs = []string{"bandwidth", "every", "exclude", "ids", "keep_free", "reload", "run", "versions"}
)

// pairSize is how many hosts a pair has.
const pairSize = 2

func (l *loader) pairs(blocks []*hclsyntax.Block) {
	inPair := map[string]hcl.Range{}
	for _, b := range blocks {
		name, ok := l.label(b, `pair "NAME" { members = [host.a, host.b] }`)
		sym := l.scope.symbols["pair"][name]
		if !ok || sym == nil || sym.at != b.DefRange() {
			continue // the scope told of a second one
		}
		r := l.reader(b, sym, pairAttrs, []string{"budget", "mirror"})
		p := Pair{Name: name, Budget: l.budget(b), Range: b.DefRange()}
		l.members(r, &p, inPair)
		p.HostOnly = r.texts("hostonly", checkPathPattern)
		p.Keep = r.texts("keep", checkKeep)
		p.Paths = r.trees("paths")
		p.Safe = r.texts("safe", checkSafe)
		l.audit(r, &p)
		for _, inner := range b.Body.Blocks {
			if inner.Type == "mirror" {
				l.mirror(inner, &p)
			}
		}
		l.project.Pairs = append(l.project.Pairs, p)
	}
}

// members reads who is in the pair and who begins as its primary.
func (l *loader) members(r *blockReader, p *Pair, inPair map[string]hcl.Range) {
	if _, given := r.b.Body.Attributes["members"]; !given {
		l.fail(r.b.DefRange(), "this pair has no members", "Write members = [host.a, host.b].")
		return
	}
	members, ok := r.refs("members", "host")
	if !ok {
		return
	}
	if len(members) != pairSize || members[0] == members[1] {
		l.fail(r.at("members"), "a pair has two different hosts", "A further host is no member: it has follows = pair."+p.Name+".")
		return
	}
	p.Members = members
	for i, m := range members {
		at := r.element("members", i)
		if first, twice := inPair[m]; twice {
			l.fail(at, fmt.Sprintf("host %q is in two pairs", m), "It is in another at "+place(first)+". A host has one role.")
			continue
		}
		inPair[m] = at
	}
	if _, given := r.b.Body.Attributes["initial_primary"]; !given {
		l.fail(r.b.DefRange(), "which member is the primary?", "Write initial_primary = host."+members[0]+".")
		return
	}
	p.InitialPrimary = r.oneRef("initial_primary", "host")
	if p.InitialPrimary != "" && !slices.Contains(members, p.InitialPrimary) {
		l.fail(r.at("initial_primary"), fmt.Sprintf("host %q is no member of the pair", p.InitialPrimary),
			"Its members are host."+strings.Join(members, " and host.")+".")
	}
}

// How often all is compared, where the project does not say.
const (
	defaultAudit  = time.Hour
	shortestAudit = time.Minute
)

// audit reads how often all of the followers is compared, what becomes of what is
// not as it should be, and how long packages wait.
func (l *loader) audit(r *blockReader, p *Pair) {
	p.Audit = defaultAudit
	if s := r.text("audit"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < shortestAudit {
			l.fail(r.at("audit"), fmt.Sprintf("audit %q is no time between audits", s), `Write a time of a minute or more, as in "1h" or "30m".`)
		}
		p.Audit = d
	}
	if s := r.text("delay"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			l.fail(r.at("delay"), fmt.Sprintf("delay %q is no time to wait", s), `Write for how long packages wait before followers get them, as in "24h".`)
		}
		p.Delay = d
	}
	switch s := r.text("drift"); s {
	case "", "repair":
	case "report":
		p.ReportDrift = true
	default:
		l.fail(r.at("drift"), fmt.Sprintf("drift %q is unknown", s), `Write "repair", or "report" to have it told and left.`)
	}
}

func (l *loader) mirror(b *hclsyntax.Block, p *Pair) {
	if len(b.Labels) != 1 {
		l.fail(b.DefRange(), "mirror wants one label, a directory", `Write mirror "/var/www" { }.`)
		return
	}
	tree, err := Unescape(b.Labels[0])
	if err == nil {
		err = checkTree(b.Labels[0])
	}
	if err != nil {
		l.fail(b.LabelRanges[0], fmt.Sprintf("%q cannot be mirrored", b.Labels[0]), sentence(err))
		return
	}
	for _, m := range p.Mirrors {
		if m.Path == tree || strings.HasPrefix(tree, m.Path+"/") || strings.HasPrefix(m.Path, tree+"/") {
			l.fail(b.LabelRanges[0], fmt.Sprintf("%s is mirrored twice", b.Labels[0]), "Another mirror at "+place(m.Range)+" holds it, or lies in it. A path has one owner.")
			return
		}
	}
	p.Mirrors = append(p.Mirrors, l.mirrorOf(l.reader(b, nil, mirrorAttrs, nil), tree))
}

// checkSafe checks a glob over units' names or absolute paths.
func checkSafe(s string) error {
	if !strings.Contains(s, "/") && !strings.Contains(s, ".") {
		return errors.New("this is the pattern of a unit with its suffix or of a path, as in backup.timer or /etc/cron.d/backup")
	}
	return rules.Validate(s)
}

func checkUnit(s string) error {
	if i := strings.LastIndexByte(s, '.'); i <= 0 || strings.ContainsAny(s, "/ \t\n") {
		return errors.New("this is the name of a unit with its suffix, as in httpd.service")
	}
	return nil
}
