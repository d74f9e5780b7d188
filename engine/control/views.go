package control

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"hikae/engine"
	"hikae/engine/lang"
	"hikae/engine/view"
	"hikae/hosts"
)

// views are what lenses make of a snapshot's files: views/DAEMON.hcl. What a
// lens does not understand it leaves out, and the first line counts it. A file
// that two lenses show is told: a path has one owner.
func (c *Controller) views(ctx context.Context, snap *engine.Snapshot) (files map[string][]byte, notes []string) {
	files = map[string][]byte{}
	tree := engine.SnapshotTree(snap, func(ct hosts.Content) ([]byte, error) { return c.blob(ctx, ct) })
	shown, texts := make([][]engine.Resource, len(c.Lenses)), make([][]byte, len(c.Lenses))
	var all sync.WaitGroup
	for i, l := range c.Lenses { // each reads the tree by itself
		all.Go(func() {
			found, diags := l.Get(tree)
			shown[i], texts[i] = found, lensView(l, tree, snap.Host, found, diags)
		})
	}
	all.Wait()
	owner, twice := map[string]string{}, map[string]bool{}
	for i, l := range c.Lenses {
		name, found := engine.LensName(l), shown[i]
		files["views/"+name+".hcl"] = texts[i]
		for i := range found {
			switch file := found[i].Range.Filename; {
			case owner[file] == "":
				owner[file] = name
			case owner[file] != name:
				twice[fmt.Sprintf("%s has two owners, the lenses %s and %s", file, owner[file], name)] = true
			}
		}
	}
	return files, slices.Sorted(maps.Keys(twice))
}

func lensView(l engine.Lens, tree engine.Tree, host string, found []engine.Resource, diags hcl.Diagnostics) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %d resources of %s; %d statements of its files are kept verbatim", len(found), host, len(l.Verbatim(tree)))
	b.WriteString(".\n# For people and queries: never read again. To change it, write an overlay.\n")
	for _, d := range diags { // what is not here: too many of a kind, a file that cannot be read
		b.WriteString("# " + view.Safe(diagLine(d)) + "\n")
	}
	b.WriteByte('\n')
	b.Write(lang.EncodeView(found, l.Kinds()))
	return b.Bytes()
}

func diagLine(d *hcl.Diagnostic) string {
	text := d.Summary + ": " + d.Detail
	if at := d.Subject; at != nil {
		text = fmt.Sprintf("%s:%d: %s", at.Filename, at.Start.Line, text)
	}
	return text
}
