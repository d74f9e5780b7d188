package lang

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// printProject writes a project line by line for golden tests.
func printProject(p *Project) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "hikae requires %q store %q login_deadline %v\n", p.Hikae.RequiredVersion, p.Hikae.Store, p.Hikae.LoginDeadline)
	if p.Hikae.Budget != noBudget {
		fmt.Fprintf(&b, "budget %+v\n", p.Hikae.Budget)
	}
	for _, h := range p.Hosts {
		h.Range = hcl.Range{}
		fmt.Fprintf(&b, "host %s ssh=%q local=%v identity=%q follows=%q only=%q labels=%q hostonly=%q paths=%q\n",
			h.Name, h.SSH, h.Local, h.Identity, h.Follows, h.Only, h.Labels, h.HostOnly, h.Paths)
	}
	for _, pair := range p.Pairs {
		fmt.Fprintf(&b, "pair %s members=%q primary=%q hostonly=%q paths=%q safe=%q\n", pair.Name, pair.Members, pair.InitialPrimary, pair.HostOnly, pair.Paths, pair.Safe)
		if pair.Budget != noBudget {
			fmt.Fprintf(&b, "  budget %+v, with the project's %+v\n", pair.Budget, p.BudgetOf(pair))
		}
		for _, m := range pair.Mirrors {
			fmt.Fprintf(&b, "  mirror %q reload=%q\n", m.Path, m.Reload)
		}
	}
	for _, o := range p.Overlays {
		fmt.Fprintf(&b, "overlay role=%q host=%q\n", o.Role, o.Host)
		for _, patch := range o.Patches {
			fmt.Fprintf(&b, "  %d %q absent=%v content=%q from=%q\n", patch.Rank, patch.Addr.String(), patch.Absent, patch.Content, patch.ContentFrom)
			for _, name := range slices.Sorted(maps.Keys(patch.Attrs)) {
				fmt.Fprintf(&b, "    %s = %#v\n", name, patch.Attrs[name])
			}
		}
	}
	for _, backup := range p.Backups {
		fmt.Fprintf(&b, "backup %s %s %s\n", backup.Name, backup.Kind, backup.Target)
	}
	for _, s := range p.Secrets {
		fmt.Fprintf(&b, "secret %s in %s encrypted=%v\n", s.Name, s.File, s.Encrypted)
	}
	return b.Bytes()
}
