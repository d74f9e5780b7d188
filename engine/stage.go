package engine

import "hikae/engine/rules"

// Stage says when a kind is applied. What StageSystem brings (packages' users,
// pristine files, units) is read again before StageConfig is planned for good.
type Stage int

// The stages of an apply.
const (
	StageSystem Stage = 1 // keys, repositories, streams, packages
	StageConfig Stage = 2 // the rest
)

// systemPaths are applied before all else: what dnf reads, and the paths that
// SELinux takes for others, by which everything after is labelled.
var systemPaths = []string{
	"/etc/yum.repos.d{,/**}", "/etc/pki/rpm-gpg{,/**}", "/etc/dnf{,/**}", "/etc/yum{,/**}", "/etc/rpm{,/**}",
	"/etc/selinux/*/contexts/files/file_contexts.subs",
}

var isSystemPath = func() *rules.Set {
	var list []rules.Rule
	for _, p := range systemPaths {
		list = append(list, rules.Rule{Pattern: p})
	}
	set, err := rules.NewSet(list...)
	if err != nil {
		panic(err)
	}
	return set
}()

// StageOf says in which stage a resource is applied.
func StageOf(a Addr, schemas []Schema) Stage {
	if a.Kind == "file" {
		if _, first := isSystemPath.Match(a.Name); first {
			return StageSystem
		}
	}
	for _, s := range schemas {
		if s.Kind == a.Kind {
			return s.Stage
		}
	}
	return StageConfig
}

// KindOrder gives the place of each kind in an apply: that of its module in
// modules/all, but for files. What there is of them in the first stage is what
// dnf and the labelling of all else read; in the second they go in groups.
func KindOrder(schemas []Schema) map[string]int {
	order := make(map[string]int, len(schemas))
	for i, s := range schemas {
		order[s.Kind] = i
	}
	order["file"] = -1
	return order
}

// InStage returns the changes of one stage.
func (p *Plan) InStage(s Stage, schemas []Schema) []Change {
	var cs []Change
	for _, c := range p.Changes {
		if StageOf(c.Addr, schemas) == s {
			cs = append(cs, c)
		}
	}
	return cs
}
