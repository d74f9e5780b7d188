package selinux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
)

const (
	booleansFile = "booleans.local"
	attrValue    = "value"
)

func booleanKind() *kind {
	return &kind{
		schema: engine.Schema{
			Kind:  BooleanKind,
			Doc:   "A switch of SELinux's policy that is set here.",
			Label: "the boolean's name, as getsebool prints it",
			Stage: engine.StageSystem,
			Attrs: []engine.Attr{{Name: attrValue, Type: cty.Bool, Doc: "On or off, for good (setsebool -P)."}},
		},
		read: func(st *store, _ engine.Scope, emit func(engine.Resource) error) ([]string, error) {
			set, notes, err := st.booleans()
			if err != nil {
				return notes, err
			}
			for _, name := range slices.Sorted(maps.Keys(set)) {
				err := emit(engine.Resource{
					Addr:  engine.Addr{Kind: BooleanKind, Name: name},
					Value: cty.ObjectVal(map[string]cty.Value{attrValue: cty.BoolVal(set[name])}),
				})
				if err != nil {
					return notes, err
				}
			}
			return notes, nil
		},
		plan: planBooleans,
	}
}

// booleans are those that were set here: NAME=VALUE.
func (st *store) booleans() (map[string]bool, []string, error) {
	set := map[string]bool{}
	notes, err := st.lines(booleansFile, func(field []string) error {
		name, value, ok := strings.Cut(strings.Join(field, " "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok {
			return errors.New("want NAME=VALUE")
		}
		if err := checkWord("boolean", name); err != nil {
			return err
		}
		switch strings.ToLower(value) {
		case "1", "true", "on":
			set[name] = true
		case "0", "false", "off":
			set[name] = false
		default:
			return fmt.Errorf("value %q: want 1 or 0", value)
		}
		return nil
	})
	return set, notes, err
}

// planBooleans sets booleans. semanage cannot give up a single one: where one
// goes, all go and those that stay are set again in the same run.
func planBooleans(_ context.Context, b *batch, cs []engine.Change) error {
	set, notes, err := b.store.booleans()
	if err != nil {
		return err
	}
	wanted, gone := map[string]bool{}, false
	for _, c := range cs {
		if err := checkWord("boolean", c.Addr.Name); err != nil {
			return refused(c.Addr, "%w", err)
		}
		if c.Action == engine.Delete {
			delete(set, c.Addr.Name)
			gone = true
			continue
		}
		v := c.After.Value.GetAttr(attrValue)
		if v.IsNull() {
			return refused(c.Addr, "say what it shall be with value")
		}
		wanted[c.Addr.Name] = v.True()
	}
	if gone {
		if len(notes) > 0 { // they would be lost
			return fmt.Errorf("cannot give up a boolean: %s", strings.Join(notes, "; "))
		}
		maps.Copy(set, wanted)
		wanted = set
		b.add("boolean -D")
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		flag := "-0"
		if wanted[name] {
			flag = "-1"
		}
		b.add("boolean -m %s %s", flag, name)
	}
	return nil
}
