package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
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
	var out strings.Builder
	out.WriteString("hikae base 1\n")
	for _, a := range sortedAddrs(b) {
		fmt.Fprintf(&out, "%s %s %q %q\n", b[a], a.Kind, a.In, a.Name)
	}
	return []byte(out.String())
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
		var a Addr
		var sum string
		if _, err := fmt.Sscanf(l, "%s %s %q %q", &sum, &a.Kind, &a.In, &a.Name); err != nil {
			return nil, fmt.Errorf("cannot read base: line %d: %w", i+2, err)
		}
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != len(Fingerprint{}) {
			return nil, fmt.Errorf("cannot read base: line %d: bad fingerprint", i+2)
		}
		b[a] = Fingerprint(raw)
	}
	return b, nil
}

// covers reports whether a Read that gave cov would have seen a.
func (cov Coverage) covers(a Addr) bool {
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
