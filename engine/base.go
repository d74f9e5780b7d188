package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"hikae/hosts"
)

// Fingerprint names what a resource is, without its history: equal ones need
// no change.
type Fingerprint [32]byte

// FingerprintOf covers the Node and the attributes that are compared.
func FingerprintOf(r *Resource, s Schema) Fingerprint {
	h := sha256.New()
	if n := r.Node; n != nil && s.Node {
		put(h, string([]byte{byte(n.Type)}), strconv.FormatUint(uint64(n.Mode), 8), n.Owner, n.Group,
			n.ACL, n.DefaultACL, n.Caps, n.Label, n.Link,
			strconv.FormatInt(n.Content.Size, 10), string(n.Content.ID[:]), strconv.FormatBool(n.Content.Sealed))
		for _, k := range slices.Sorted(maps.Keys(n.Xattrs)) {
			put(h, k, n.Xattrs[k])
		}
	}
	if r.Value != cty.NilVal {
		for _, a := range s.Attrs {
			if a.Info {
				continue
			}
			b, err := ctyjson.Marshal(r.Value.GetAttr(a.Name), a.Type)
			if err != nil {
				b = []byte("?")
			}
			put(h, a.Name, string(b))
		}
	}
	return Fingerprint(h.Sum(nil))
}

// Wish is what a change was to make, as far as it can be told from a Read of
// it: what the wish leaves open is not in it. It holds hashes only.
type Wish struct {
	Node  string            `json:"node,omitempty"`
	Attrs map[string]string `json:"attrs,omitempty"`
}

// WishOf is the wish of a change's After.
func WishOf(r *Resource, s Schema) Wish {
	var w Wish
	if r.Node != nil && s.Node {
		w.Node = FingerprintOf(&Resource{Node: r.Node}, s).String()
	}
	if r.Value == cty.NilVal {
		return w
	}
	w.Attrs = map[string]string{}
	for _, a := range s.Attrs {
		if v := r.Value.GetAttr(a.Name); !a.Info && !v.IsNull() {
			w.Attrs[a.Name] = hashValue(v, a)
		}
	}
	return w
}

func hashValue(v cty.Value, a Attr) string {
	b, err := ctyjson.Marshal(v, a.Type)
	if err != nil {
		return "?"
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Met reports whether a resource that was read is as wished.
func (w Wish) Met(r *Resource, s Schema) bool {
	if IsAbsent(r) {
		return false
	}
	is := WishOf(r, s)
	if w.Node != is.Node {
		return false
	}
	for name, want := range w.Attrs {
		if is.Attrs[name] != want {
			return false
		}
	}
	return true
}

// IsAbsent reports whether a Read found nothing.
func IsAbsent(r *Resource) bool { return r == nil || r.Node != nil && r.Node.Type == hosts.Absent }

// put writes strings so that no two lists of them give the same bytes.
func put(h hash.Hash, ss ...string) {
	var n [8]byte
	for _, s := range ss {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(s))
	}
}

// Base is what was last applied to a host. Only what it holds may ever be
// deleted there.
type Base map[Addr]Fingerprint

// Encode gives a line for each resource, sorted: fingerprint and quoted address.
func (b Base) Encode() []byte {
	out := append(make([]byte, 0, 128*(1+len(b))), "hikae base 1\n"...)
	for _, a := range sortedAddrs(b) {
		sum := b[a]
		out = hex.AppendEncode(out, sum[:])
		out = append(append(append(out, ' '), a.Kind...), ' ')
		out = append(strconv.AppendQuote(out, a.In), ' ')
		out = append(strconv.AppendQuote(out, a.Name), '\n')
	}
	return out
}

// DecodeBase is the inverse of Encode; no bytes are an empty Base.
func DecodeBase(data []byte) (Base, error) {
	b := Base{}
	if len(data) == 0 {
		return b, nil
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if lines[0] != "hikae base 1" {
		return nil, fmt.Errorf("cannot read base: unknown header %.40q", lines[0])
	}
	for i, l := range lines[1:] {
		a, sum, err := decodeApplied(l)
		if err != nil {
			return nil, fmt.Errorf("cannot read base: line %d: %w", i+2, err)
		}
		b[a] = sum
	}
	return b, nil
}

// decodeApplied reads a line of Encode.
func decodeApplied(line string) (a Addr, sum Fingerprint, err error) {
	first, rest, _ := strings.Cut(line, " ")
	raw, err := hex.DecodeString(first)
	if err != nil || len(raw) != len(sum) {
		return a, sum, errors.New("bad fingerprint")
	}
	a.Kind, rest, _ = strings.Cut(rest, " ")
	in, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return a, sum, err
	}
	name := strings.TrimPrefix(rest[len(in):], " ")
	if a.In, err = strconv.Unquote(in); err == nil {
		a.Name, err = strconv.Unquote(name)
	}
	return a, Fingerprint(raw), err
}

// Covers reports whether a Read that gave cov would have seen a.
func (cov Coverage) Covers(a Addr) bool {
	for _, h := range cov.Holes {
		if a.Name == h.Path || strings.HasPrefix(a.Name, strings.TrimSuffix(h.Path, "/")+"/") {
			return false
		}
	}
	if cov.Whole {
		return true
	}
	for _, r := range cov.Roots {
		if a.Name == r || strings.HasPrefix(a.Name, strings.TrimSuffix(r, "/")+"/") {
			return true
		}
	}
	return false
}

// errVanished is what is said of a mount that is gone.
const errVanished = "something was mounted here when the host was last read, and nothing is now"

// Vanished makes of mounts that were there before, and are not, places that were not
// seen. They stay known, so that they are missed until they are back or a person
// says that they are meant to be gone. asked are the paths that were read, nil for
// all.
func (cov Coverage) Vanished(before, asked []string) Coverage {
	for _, m := range before {
		read := asked == nil || slices.ContainsFunc(asked, func(p string) bool { return hosts.Within(p, []string{m}) })
		if !read || slices.Contains(cov.Mounts, m) {
			continue
		}
		cov.Holes = append(slices.Clone(cov.Holes), Hole{Path: m, Err: errVanished, Mount: true})
	}
	known := slices.Concat(cov.Mounts, before)
	slices.Sort(known)
	cov.Mounts = slices.Compact(known)
	return cov
}

// Miss takes out of what was read what lies where a mount has vanished: that is what
// the mount hid. See Vanished.
func (a *Actual) Miss(before, asked []string) {
	cov, read := a.Coverage["file"]
	if !read {
		return
	}
	seen := len(cov.Holes)
	cov = cov.Vanished(before, asked)
	a.Coverage["file"] = cov
	for _, h := range cov.Holes[seen:] {
		maps.DeleteFunc(a.Resources, func(addr Addr, _ *Resource) bool {
			return addr.Kind == "file" && hosts.Within(addr.Name, []string{h.Path})
		})
	}
}

// mount says which mount, or missing one, keeps a from being seen; "" for none.
func (cov Coverage) mount(a Addr) string {
	for _, h := range cov.Holes {
		if h.Mount && (a.Name == h.Path || strings.HasPrefix(a.Name, strings.TrimSuffix(h.Path, "/")+"/")) {
			return h.Err
		}
	}
	return ""
}
