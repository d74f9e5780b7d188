package repo

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/hosts"
	"hikae/modules/rpmtest"
)

// newKey makes a key and returns it armoured, with the headers given.
func newKey(t testing.TB, name string, headers map[string]string) (*openpgp.Entity, string) {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", name+"@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048,
		Time: func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, armored(t, e, openpgp.PublicKeyType, headers)
}

func armored(t testing.TB, e *openpgp.Entity, typ string, headers map[string]string) string {
	t.Helper()
	var b strings.Builder
	w, err := armor.Encode(&b, typ, headers)
	if err != nil {
		t.Fatal(err)
	}
	if typ == openpgp.PublicKeyType {
		err = e.Serialize(w)
	} else {
		err = e.SerializePrivate(w, nil)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readKeys(t *testing.T, k *Keys, r hosts.Reader) map[string]engine.Resource {
	t.Helper()
	got := map[string]engine.Resource{}
	cov, err := k.Read(t.Context(), r, engine.Scope{}, func(r engine.Resource) error {
		got[r.Addr.Name] = r
		return nil
	})
	if err != nil || !cov.Whole {
		t.Fatalf("coverage %+v, error %v", cov, err)
	}
	return got
}

func keyChange(action engine.Action, name, text string) engine.Change {
	c := engine.Change{Action: action, Addr: engine.Addr{Kind: KeyKind, Name: name}}
	if action != engine.Delete {
		c.After = &engine.Resource{Addr: c.Addr, Value: cty.ObjectVal(map[string]cty.Value{
			AttrKeyID: cty.NullVal(cty.String), AttrOwner: cty.NullVal(cty.String), AttrKey: cty.StringVal(text),
		})}
	}
	return c
}

func applyKeys(t *testing.T, k *Keys, h hosts.Host, changes ...engine.Change) error {
	t.Helper()
	return k.Apply(t.Context(), h, engine.Job{Changes: changes, Done: func(engine.Addr) {}, Progress: func(string) {}})
}

func TestImportReplaceRemove(t *testing.T) {
	h := rpmtest.NewHost(t)
	k := &Keys{installRoot: h.Root}
	entity, text := newKey(t, "Alice", map[string]string{"Comment": "of another day"})
	key, err := parseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	name := key.name()

	if err := applyKeys(t, k, h, keyChange(engine.Create, name, text)); err != nil {
		t.Fatal(err)
	}
	if out := h.RPM(t, "-q", "gpg-pubkey-"+name); !strings.Contains(out, name) {
		t.Errorf("rpm -q: %s", out)
	}
	got := readKeys(t, k, h)[name]
	if got.Value.GetAttr(AttrKeyID).AsString() != key.id || got.Value.GetAttr(AttrOwner).AsString() != "Alice <Alice@example.org>" {
		t.Errorf("read %#v", got.Value)
	}
	if got.Value.GetAttr(AttrKey).AsString() != key.text {
		t.Error("the key read is not the key imported, armoured as always")
	}

	// The same key with one more identity takes its place.
	if err := entity.AddUserId("Alice", "", "elsewhere@example.org", &packet.Config{Time: func() time.Time { return time.Unix(1700000100, 0) }}); err != nil {
		t.Fatal(err)
	}
	newer := armored(t, entity, openpgp.PublicKeyType, nil)
	if err := applyKeys(t, k, h, keyChange(engine.Update, name, newer)); err != nil {
		t.Fatal(err)
	}
	want, err := parseKey(newer)
	if err != nil {
		t.Fatal(err)
	}
	if got := readKeys(t, k, h); len(got) != 1 || got[name].Value.GetAttr(AttrKey).AsString() != want.text {
		t.Errorf("after the update: %v", got)
	}

	// Applied once more it changes nothing, and nothing is left behind.
	ran := len(h.Ran)
	if err := applyKeys(t, k, h, keyChange(engine.Update, name, newer)); err != nil || len(h.Ran) != ran {
		t.Errorf("error %v, ran %v", err, h.Ran[ran:])
	}
	if left, _ := filepath.Glob(h.Root + "/var/lib/hikae/*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	if err := applyKeys(t, k, h, keyChange(engine.Delete, name, "")); err != nil {
		t.Fatal(err)
	}
	if got := readKeys(t, k, h); len(got) != 0 {
		t.Errorf("after the removal: %v", got)
	}
}

func TestRefusedKeys(t *testing.T) {
	entity, text := newKey(t, "Alice", nil)
	_, other := newKey(t, "Bob", nil)
	key, err := parseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, why string }{
		"under another name": {other, "name the resource so"},
		"a private key":      {armored(t, entity, openpgp.PrivateKeyType, nil), "PGP PRIVATE KEY BLOCK"},
		"no armour":          {"-----BEGIN NONSENSE", "armour"},
		"nothing":            {"", "armour"},
	} {
		err := applyKeys(t, NewKeys(), nil, keyChange(engine.Create, key.name(), c.key))
		if !errors.Is(err, engine.ErrRefused) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestKeyIsWhatRPMSays holds names and ids against gpg's and rpm's.
func TestKeyIsWhatRPMSays(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skipf("not run: %v", err)
	}
	h := rpmtest.NewHost(t)
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	gpg := func(args ...string) string {
		out, err := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--passphrase", ""}, args...)...).Output()
		if err != nil {
			t.Fatalf("gpg %v: %v", args, err)
		}
		return string(out)
	}
	gpg("--quick-gen-key", "House Packages <house@example.org>", "rsa2048", "sign", "never")
	text := gpg("--armor", "--export")
	key, err := parseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if list := gpg("--with-colons", "--list-keys"); !strings.Contains(list, ":"+strings.ToUpper(key.id)+":") {
		t.Errorf("gpg does not know the key %s:\n%s", key.id, list)
	}
	h.Write(t, "/key.asc", text)
	h.RPM(t, "--import", h.Root+"/key.asc")
	if out := h.RPM(t, "-qa"); strings.TrimSpace(out) != "gpg-pubkey-"+key.name() {
		t.Errorf("rpm calls it %s, want gpg-pubkey-%s", out, key.name())
	}
	got := readKeys(t, &Keys{installRoot: h.Root}, h)
	if r, ok := got[key.name()]; !ok || r.Value.GetAttr(AttrKey).AsString() != key.text {
		t.Errorf("rpm's text of the key does not come out as gpg's: %v", got)
	}
}

func FuzzParseKey(f *testing.F) {
	_, text := newKey(f, "Alice", nil)
	f.Add(text)
	f.Add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxjM=\n-----END PGP PUBLIC KEY BLOCK-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseKey(text)
		if err != nil {
			return
		}
		again, err := parseKey(key.text)
		if err != nil || again != key {
			t.Errorf("the key armoured anew is another: %+v, %v; was %+v", again, err, key)
		}
	})
}
