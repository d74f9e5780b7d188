package lang

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"hikae/engine"
	"hikae/hosts"
)

// Secret is a secret that an overlay names with secret("NAME"). Its bytes are
// in a file of the project and never in an expression.
type Secret struct {
	Name string
	// File is the project's file: secrets/NAME.age, encrypted with age to the
	// project's recipients, or secrets/NAME, in the clear.
	File      string
	Encrypted bool
	Range     hcl.Range // where it is first named
}

// secretMark is on every value that came from secret(): such a value is given
// whole to an attribute that is a secret, or not at all.
type secretMark struct{}

// secretRef is how a secret stands in an expression and in a Patch: by name.
const secretRef = "secret:"

var secretName = engine.Form(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

var secretFunc = function.New(&function.Spec{
	Description: "A secret by its name: the file secrets/NAME.age of the project.",
	Params:      []function.Parameter{{Name: "name", Type: cty.String}},
	Type:        function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		name := args[0].AsString()
		if !secretName().MatchString(name) {
			return cty.NilVal, function.NewArgErrorf(0, "a secret's name has letters, digits, '_', '.' and '-' only")
		}
		return cty.StringVal(secretRef + name).Mark(secretMark{}), nil
	},
})

// secretValue takes the value of an attribute that is a secret: secret("NAME"),
// or the sealed:ID:SIZE of a snapshot. It becomes the text that stands in the
// Patch.
func (l *loader) secretValue(v cty.Value, at hcl.Range) (cty.Value, error) {
	bare, marks := v.Unmark()
	if bare.IsNull() {
		return cty.NullVal(cty.String), nil
	}
	if !bare.IsKnown() || bare.Type() != cty.String {
		return cty.NilVal, errors.New("wanted secret(\"NAME\")")
	}
	text := bare.AsString()
	if _, secret := marks[secretMark{}]; !secret {
		if checkSecret(text) != nil {
			return cty.NilVal, errInClear
		}
		return bare, nil
	}
	if len(text) < len(secretRef) || text[:len(secretRef)] != secretRef || !secretName().MatchString(text[len(secretRef):]) {
		return cty.NilVal, errors.New("a secret is given whole: secret(\"NAME\") and nothing around it")
	}
	return bare, l.noteSecret(text[len(secretRef):], at)
}

// errInClear: the source line must not be shown.
var errInClear = errors.New("a secret stands here in the clear")

// noteSecret finds the file of a secret.
func (l *loader) noteSecret(name string, at hcl.Range) error {
	if _, known := l.secrets[name]; known {
		return nil
	}
	s := Secret{Name: name, File: "secrets/" + name + ".age", Encrypted: true, Range: at}
	if _, err := l.projectFile(s.File); err != nil {
		s.File, s.Encrypted = "secrets/"+name, false
		if _, err := l.projectFile(s.File); err != nil {
			return fmt.Errorf("cannot read secret %q: there is no secrets/%s.age in the project", name, name)
		}
	}
	l.secrets[name] = s
	return nil
}

// ResolveSecrets replaces every secret that an overlay names, in all patches,
// by what seal names its content; until then Patch.Attrs holds "secret:NAME".
// Each secret is sealed once.
func (p *Project) ResolveSecrets(seal func(Secret) (hosts.Content, error)) error {
	refs := make(map[string]cty.Value, len(p.Secrets))
	for _, s := range p.Secrets {
		c, err := seal(s)
		if err != nil {
			return fmt.Errorf("cannot read secret %q: %w", s.Name, err)
		}
		refs[secretRef+s.Name] = cty.StringVal(engine.SecretRef(c))
	}
	for _, u := range p.secretUses {
		u.attrs[u.attr] = refs[u.ref]
	}
	return nil
}

// secretUse is an attribute of a patch that is a secret of the project.
type secretUse struct {
	attrs map[string]cty.Value
	attr  string
	ref   string // "secret:NAME"
}
