package selinux

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

const (
	attrPriority = "priority"
	attrEnabled  = "enabled"
	attrSHA256   = "sha256"
	attrSource   = "source"
)

// defaultPriority is semodule's for modules of an administrator's.
const defaultPriority = 400

func moduleKind() *kind {
	return &kind{
		schema: engine.Schema{
			Kind:  ModuleKind,
			Doc:   "A module of SELinux's policy that was added here (a permissive domain is one, permissive_TYPE), or a distribution's that is switched off.",
			Label: "the module's name",
			Stage: engine.StageSystem,
			Attrs: []engine.Attr{
				{Name: attrPriority, Type: cty.Number, Default: cty.NumberIntVal(defaultPriority), Doc: "Of two modules of a name the one of the higher priority is used; the distribution's have 100, packages' 200."},
				{Name: attrEnabled, Type: cty.Bool, Default: cty.True, Doc: "Whether it is part of the policy."},
				{Name: attrSHA256, Type: cty.String, Digest: true, Doc: "Its bytes' SHA-256; hikae fills it in from source."},
				{Name: attrSource, Type: cty.String, Info: true, File: true, Doc: "A file of the project, in CIL or a compiled .pp."},
			},
		},
		read: readModules,
		plan: planModules,
	}
}

func readModules(st *store, s engine.Scope, emit func(engine.Resource) error) (notes []string, err error) {
	modules, err := st.modules()
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		res := engine.Resource{Addr: engine.Addr{Kind: ModuleKind, Name: m.name}}
		priority, digest := cty.NullVal(cty.Number), ""
		if m.file != "" {
			text, err := st.contents(m.file)
			if err != nil {
				notes = append(notes, fmt.Sprintf("the module %s cannot be carried: %v", m.name, err))
				continue
			}
			c := hosts.Content{Size: int64(len(text)), ID: sha256.Sum256(text)}
			res.Node = &hosts.Node{Type: hosts.File, Mode: 0o644, Owner: "root", Group: "root", Content: c}
			if s.Vault != nil {
				s.Vault.Plain(c, func() (io.ReadCloser, error) {
					again, err := st.contents(m.file)
					return io.NopCloser(bytes.NewReader(again)), err
				})
			}
			priority, digest = cty.NumberIntVal(m.priority), c.ID.String()
		}
		res.Value = cty.ObjectVal(map[string]cty.Value{
			attrPriority: priority, attrEnabled: cty.BoolVal(!m.disabled),
			attrSHA256: optional(digest), attrSource: cty.NullVal(cty.String),
		})
		if err := emit(res); err != nil {
			return notes, err
		}
	}
	return notes, nil
}

// wish is what a change says of a module.
type wish struct {
	digest   string // "" for no bytes
	priority int64
	disabled bool
}

func wishOf(r *engine.Resource) (wish, error) {
	w := wish{priority: defaultPriority}
	if r == nil {
		return w, nil
	}
	w.digest = text(r, attrSHA256)
	if v := r.Value.GetAttr(attrEnabled); !v.IsNull() {
		w.disabled = v.False()
	}
	if v := r.Value.GetAttr(attrPriority); !v.IsNull() {
		n, exact := v.AsBigFloat().Int64()
		if exact != big.Exact || n < 1 || n > 999 { // semodule(8)
			return w, errors.New("priority: want a whole number from 1 to 999")
		}
		w.priority = n
	}
	return w, nil
}

func planModules(ctx context.Context, b *batch, cs []engine.Change) error {
	for _, c := range cs {
		if err := checkWord("module", c.Addr.Name); err != nil {
			return refused(c.Addr, "%w", err)
		}
		had, err := wishOf(c.Before)
		if err != nil {
			return refused(c.Addr, "%w", err)
		}
		want, err := wishOf(c.After)
		if err != nil {
			return refused(c.Addr, "%w", err)
		}
		if c.Action != engine.Delete && want.digest == "" && !want.disabled {
			return refused(c.Addr, "say with source what it is, with enabled = false that it is not to be used, or with absent = true that nothing is to be said of it")
		}
		if err := b.module(ctx, c, had, want); err != nil {
			return err
		}
	}
	return nil
}

// module brings one module from what it was to what it shall be.
func (b *batch) module(ctx context.Context, c engine.Change, had, want wish) error {
	name := c.Addr.Name
	moved := had.priority != want.priority
	if want.digest != "" && (want.digest != had.digest || moved) {
		file, err := b.stage(ctx, c)
		if err != nil {
			return err
		}
		b.modules = append(b.modules, fmt.Sprintf("module -a %s -P %d", file, want.priority))
	}
	if had.digest != "" && (want.digest == "" || moved) {
		b.add("module -r %s -P %d", name, had.priority)
	}
	switch {
	case want.disabled && !had.disabled:
		b.add("module -d %s", name)
	case had.disabled && !want.disabled:
		b.add("module -e %s", name)
	}
	return nil
}
