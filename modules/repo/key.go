// Package repo is where packages come from: the kind "repo_key", keys that
// rpm trusts, and the kind "repo", a view of dnf's repository files.
//
// The files themselves (/etc/yum.repos.d/*.repo, /etc/dnf) are resources of
// kind "file", which the engine applies before packages.
package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/rpmdb"
)

// KeyKind is the kind of imported keys.
const KeyKind = "repo_key"

// Names of the attributes.
const (
	AttrKeyID = "keyid"
	AttrOwner = "owner"
	AttrKey   = "key"
)

// Keys reads and imports the keys that rpm checks packages with. A resource is
// one key; its name is the one that rpm gives it, "6d745a60-60287f36": the last
// eight digits of the key's id and the time of its making.
type Keys struct {
	installRoot string // for tests; "" is the host's own root
}

var _ engine.Sourced = (*Keys)(nil)

// NewKeys returns the module.
func NewKeys() *Keys { return &Keys{} }

// Schema describes the kind.
func (k *Keys) Schema() engine.Schema {
	return engine.Schema{
		Kind:  KeyKind,
		Doc:   "A public key that rpm has imported, to check the signatures of packages with.",
		Label: "the key as rpm names it: the last 8 hex digits of its id, -, the time of its making as 8 hex digits",
		Stage: engine.StageSystem,
		Attrs: []engine.Attr{
			{Name: AttrKeyID, Type: cty.String, Info: true, Doc: "The key's id, 16 hex digits."},
			{Name: AttrOwner, Type: cty.String, Info: true, Doc: "Whose key it says it is."},
			{Name: AttrKey, Type: cty.String, Doc: "The key, an armoured OpenPGP public key block."},
		},
	}
}

// Sources implements engine.Sourced.
func (k *Keys) Sources() []hosts.WatchRoot { return hosts.PackageSources() }

// Read emits the imported keys in the order of their names.
func (k *Keys) Read(ctx context.Context, r hosts.Reader, _ engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	var cov engine.Coverage
	imported, notes, err := importedKeys(ctx, r)
	switch {
	case ctx.Err() != nil:
		return cov, ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return cov, nil // modules/packages says that there is no rpm database
	case err != nil:
		cov.Holes = append(cov.Holes, engine.Hole{Path: "/var/lib/rpm", Err: err.Error()})
		return cov, nil //nolint:nilerr // what cannot be read is a hole, not an error
	}
	for i, key := range imported {
		if i > 0 && imported[i-1].name == key.name {
			continue // imported twice, as old rpms let one
		}
		err := emit(engine.Resource{
			Addr: engine.Addr{Kind: KeyKind, Name: key.name},
			Value: cty.ObjectVal(map[string]cty.Value{
				AttrKeyID: cty.StringVal(key.id), AttrOwner: cty.StringVal(key.owner), AttrKey: cty.StringVal(key.text),
			}),
		})
		if err != nil {
			return cov, err
		}
	}
	cov.Notes, cov.Whole = notes, len(notes) == 0
	return cov, nil
}

// importedKey is a key in the rpm database.
type importedKey struct {
	publicKey
	name string
	pkg  string // the package that stands for it: gpg-pubkey-VERSION-RELEASE
}

// importedKeys lists the imported keys by name, and says which cannot be read.
func importedKeys(ctx context.Context, r hosts.Reader) (keys []importedKey, notes []string, err error) {
	pkgs, err := r.Packages(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range pkgs {
		if !p.IsKey() {
			continue
		}
		key, err := readKey(p)
		if err != nil {
			notes = append(notes, fmt.Sprintf("the imported key %s cannot be carried: %v", p.NEVRA(), err))
			continue
		}
		keys = append(keys, importedKey{key, key.name(), p.NEVRA()})
	}
	slices.SortStableFunc(keys, func(a, b importedKey) int { return strings.Compare(a.name, b.name) })
	return keys, notes, nil
}

func readKey(p *rpmdb.Package) (publicKey, error) {
	text, err := p.KeyText()
	if err != nil {
		return publicKey{}, err
	}
	return parseKey(text)
}

// Apply imports keys and removes those that a change deletes. A key of which
// another edition is there (with a later expiry, say) is replaced.
func (k *Keys) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	wanted := make([]publicKey, len(job.Changes))
	for i, c := range job.Changes {
		if c.Action == engine.Delete {
			continue
		}
		key, err := wantedKey(c)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", engine.ErrRefused, c.Addr, err)
		}
		wanted[i] = key
	}
	keys, _, err := importedKeys(ctx, h)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the first import makes the database
		return fmt.Errorf("cannot see which keys are imported: %w", err)
	}
	for i, c := range job.Changes {
		if err := k.change(ctx, h, c, wanted[i], keys); err != nil {
			return fmt.Errorf("%s: %w", c.Addr, err)
		}
		job.Done(c.Addr)
	}
	return nil
}

// wantedKey reads the key of a change and holds it to its name.
func wantedKey(c engine.Change) (publicKey, error) {
	if c.After == nil || c.After.Value == cty.NilVal || c.After.Value.GetAttr(AttrKey).IsNull() {
		return publicKey{}, errors.New("it has no key: give its text with key")
	}
	key, err := parseKey(c.After.Value.GetAttr(AttrKey).AsString())
	if err != nil {
		return publicKey{}, err
	}
	if key.name() != c.Addr.Name {
		return publicKey{}, fmt.Errorf("its key is called %q: name the resource so", key.name())
	}
	return key, nil
}

func (k *Keys) change(ctx context.Context, h hosts.Host, c engine.Change, want publicKey, have []importedKey) error {
	there := false
	for _, key := range have {
		if key.name != c.Addr.Name {
			continue
		}
		if c.Action != engine.Delete && key.text == want.text {
			there = true
			continue
		}
		if err := k.rpm(ctx, h, "-e", "--allmatches", key.pkg); err != nil {
			return fmt.Errorf("cannot remove the key: %w", err)
		}
	}
	if c.Action == engine.Delete || there {
		return nil
	}
	if err := k.importKey(ctx, h, want); err != nil {
		return fmt.Errorf("cannot import the key: %w", err)
	}
	return nil
}

// importKey goes by a file: rpm reads keys from nothing else.
func (k *Keys) importKey(ctx context.Context, h hosts.Host, key publicKey) error {
	dir := k.installRoot + "/var/lib/hikae"
	if _, err := h.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		err = h.Put(ctx, dir, hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
		if err != nil {
			return err
		}
	}
	file := dir + "/" + key.name() + ".asc"
	n := hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root"}
	n.Content.Size = int64(len(key.text))
	if err := h.Put(ctx, file, n, strings.NewReader(key.text)); err != nil {
		return err
	}
	err := k.rpm(ctx, h, "--import", file)
	return errors.Join(err, h.Remove(ctx, file))
}

func (k *Keys) rpm(ctx context.Context, h hosts.Host, args ...string) error {
	argv := []string{"rpm"}
	if k.installRoot != "" {
		argv = append(argv, "--root", k.installRoot)
	}
	res, err := h.Run(ctx, hosts.Cmd{Argv: append(argv, args...)})
	if err != nil {
		return err
	}
	if res.Code != 0 {
		return fmt.Errorf("rpm: %s", strings.TrimSpace(string(res.Stderr)))
	}
	return nil
}
