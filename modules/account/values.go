package account

import (
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
)

var (
	nullString = cty.NullVal(cty.String)
	names      = cty.Set(cty.String)
	noPassword = cty.StringVal(engine.NoSecret)
)

// nameSet gives a field of names between commas as a value.
func nameSet(field string) cty.Value {
	var vs []cty.Value
	for _, n := range splitNames(field) {
		vs = append(vs, text(n))
	}
	if vs == nil {
		return cty.SetValEmpty(cty.String)
	}
	return cty.SetVal(vs)
}

// wish reads the attributes of a resource that should be. The first error is
// kept, so that a caller asks once.
type wish struct {
	addr engine.Addr
	v    cty.Value
	err  error
}

func (w *wish) fail(attr string, err error) {
	if w.err == nil {
		w.err = fmt.Errorf("cannot use %s of %s: %w", attr, w.addr, err)
	}
}

// attr returns an attribute that is said.
func (w *wish) attr(name string) (cty.Value, bool) {
	if w.v == cty.NilVal || !w.v.Type().HasAttribute(name) {
		return cty.NilVal, false
	}
	v := w.v.GetAttr(name)
	return v, !v.IsNull()
}

// str sets *into where the attribute says something.
func (w *wish) str(name string, into *string) {
	v, ok := w.attr(name)
	if !ok {
		return
	}
	s, err := rawText(v.AsString())
	if err != nil {
		w.fail(name, err)
		return
	}
	*into = s
}

func (w *wish) id(name string) (uint32, bool) {
	v, ok := w.attr(name)
	if !ok {
		return 0, false
	}
	n, acc := v.AsBigFloat().Int64()
	if acc != big.Exact || n < 0 || n > maxID {
		w.fail(name, fmt.Errorf("want a whole number from 0 to %d", uint32(maxID)))
		return 0, false
	}
	return uint32(n), true
}

func (w *wish) boolean(name string, otherwise bool) bool {
	if v, ok := w.attr(name); ok {
		return v.True()
	}
	return otherwise
}

func (w *wish) days(name string, into *string) {
	v, ok := w.attr(name)
	if !ok {
		return
	}
	n, acc := v.AsBigFloat().Int64()
	if acc != big.Exact || n < -1 || n > maxDays {
		w.fail(name, fmt.Errorf("want a number of days, or -1 for no limit"))
		return
	}
	if have, ok := formatDays(*into); !ok || have != n {
		*into = parseDays(n)
	}
}

func (w *wish) date(name string, into *string) {
	v, ok := w.attr(name)
	if !ok {
		return
	}
	s, err := parseDate(v.AsString())
	if err != nil {
		w.fail(name, err)
		return
	}
	*into = s
}

// members sets a list of names between commas, in their present order where
// they are the same.
func (w *wish) members(name string, into *string) {
	v, ok := w.attr(name)
	if !ok {
		return
	}
	var want []string
	for _, m := range v.AsValueSlice() {
		n, err := rawText(m.AsString())
		if err == nil && !plainMember(n) {
			err = fmt.Errorf("%q cannot be a member", n)
		}
		if err != nil {
			w.fail(name, err)
			return
		}
		want = append(want, n)
	}
	slices.Sort(want)
	if !slices.Equal(slices.Compact(want), splitNames(*into)) {
		*into = strings.Join(slices.Compact(want), ",")
	}
}

// plainMember takes more than checkName: a member may be another service's account.
func plainMember(n string) bool { return n != "" && !strings.ContainsAny(n, ",: \n\x00") }

// secret opens what a secret attribute names, if it is to change; "" where there is
// to be none.
func (w *wish) secret(name string, before *engine.Resource, job engine.Job) (string, bool) {
	v, ok := w.attr(name)
	if !ok {
		return "", false
	}
	if before != nil && before.Value != cty.NilVal {
		if b := before.Value.GetAttr(name); !b.IsNull() && b.RawEquals(v) {
			return "", false
		}
	}
	if v.RawEquals(noPassword) {
		return "", true
	}
	s, err := openSecret(v.AsString(), job.Open)
	if err == nil && !isHash(s) {
		err = fmt.Errorf("it is not the hash of a password (crypt(5))")
	}
	if err != nil {
		w.fail(name, err)
		return "", false
	}
	return s, true
}

// maxHash bounds the hash of a password, in bytes (crypt(5): 384).
const maxHash = 1024

func openSecret(ref string, open func(hosts.Content) (io.ReadCloser, error)) (string, error) {
	c, err := engine.ParseSecret(ref)
	if err != nil {
		return "", err
	}
	r, err := open(c)
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(r, maxHash+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxHash || strings.ContainsAny(string(b), ":\n\x00") {
		return "", fmt.Errorf("it is not the hash of a password (crypt(5))")
	}
	return string(b), nil
}

// sealed names a hash through the vault; null where there is no vault.
func sealed(vault engine.Vault, hash string) (cty.Value, error) {
	switch {
	case hash == "":
		return noPassword, nil
	case vault == nil:
		return nullString, nil
	}
	c, err := vault.Secret(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(hash)), nil })
	if err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(engine.SecretRef(c)), nil
}

// stale reports an attribute that is neither as the plan read it nor as the
// plan wants it: somebody changed it since. Secrets are not looked at.
func stale(s engine.Schema, c engine.Change, now cty.Value) error {
	for _, a := range s.Attrs {
		if a.Secret || a.Info {
			continue
		}
		have := now.GetAttr(a.Name)
		if agrees(have, c.Before, a.Name) || agrees(have, c.After, a.Name) {
			continue
		}
		return fmt.Errorf("%w: %s of %s was changed since the plan was made; plan again", engine.ErrRefused, a.Name, c.Addr)
	}
	return nil
}

func agrees(have cty.Value, r *engine.Resource, name string) bool {
	if r == nil || r.Value == cty.NilVal {
		return false
	}
	v := r.Value.GetAttr(name)
	return v.IsNull() || v.RawEquals(have)
}

// object fills the attributes that are not given with null.
func object(s engine.Schema, attrs map[string]cty.Value) cty.Value {
	all := make(map[string]cty.Value, len(s.Attrs))
	for _, a := range s.Attrs {
		all[a.Name] = cty.NullVal(a.Type)
	}
	maps.Copy(all, attrs)
	return cty.ObjectVal(all)
}

func number(n int64) cty.Value { return cty.NumberIntVal(n) }
