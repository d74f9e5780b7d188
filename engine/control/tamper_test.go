package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/hosts"
	"hikae/states"
)

// A content that was changed in the store reaches neither a lens, nor a diff,
// nor a host.
func TestTamperedContent(t *testing.T) {
	store, err := states.Open(t.TempDir(), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := CreateKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &Controller{Store: store, Keys: keys}
	ct := hosts.Content{Size: 4, ID: sha256.Sum256([]byte("good"))}
	secret := hosts.Content{Size: 4, ID: keys.name([]byte("good")), Sealed: true}
	for _, evil := range []string{"evil", "goo", "goods", ""} {
		for _, c := range []hosts.Content{ct, secret} {
			path := filepath.Join(store.Dir(), ".store", "blobs", c.ID.String()[:2], blobName(c))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(evil), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := c.blob(context.Background(), ct); !errors.Is(err, states.ErrTampered) || !strings.Contains(err.Error(), ct.ID.String()) {
			t.Errorf("%q is taken for good: %q, %v", evil, b, err)
		}
		open := c.opener(context.Background(), nil)
		for _, ct := range []hosts.Content{ct, secret} {
			r, err := open(ct)
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err == nil {
				t.Errorf("%q is sent for good (sealed: %v)", evil, ct.Sealed)
			}
		}
	}
	if err := store.Blobs.Put(context.Background(), blobName(hosts.Content{ID: sha256.Sum256(nil)}), strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if b, err := c.blob(context.Background(), hosts.Content{ID: sha256.Sum256(nil)}); err != nil || len(b) != 0 {
		t.Errorf("nothing: %q, %v", b, err)
	}
}
