package control

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"hikae/engine"
	"hikae/hosts"
)

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadKeys(dir); err == nil || !strings.Contains(err.Error(), "hikae init") {
		t.Errorf("no keys: %v", err)
	}
	k, err := CreateKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := CreateKeys(dir)
	if err != nil || !bytes.Equal(k.Home, again.Home) || k.recipient != again.recipient {
		t.Errorf("made again, they are others: %v", err)
	}

	secret := []byte("himitsu")
	mac := hmac.New(sha256.New, k.Home)
	_, _ = mac.Write(secret)
	c := hosts.Content{Size: int64(len(secret)), ID: hosts.ID(mac.Sum(nil)), Sealed: true}
	seal := func(b []byte) *bytes.Buffer {
		to, err := age.ParseX25519Recipient(k.Recipients()[0])
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w, err := age.Encrypt(&out, to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return &out
	}
	if got, err := k.Open(seal(secret), c); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("got %q, %v", got, err)
	}
	// Another secret under this name, or a longer one, is refused, and not shown.
	for _, other := range []string{"HIMITSU", "himitsu and more"} {
		if got, err := k.Open(seal([]byte(other)), c); err == nil || strings.Contains(err.Error(), other) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := k.Open(strings.NewReader("garbage"), c); err == nil {
		t.Error("garbage is taken")
	}

	path := filepath.Join(dir, KeyDir, homeKeyFile)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(dir); err == nil || !strings.Contains(err.Error(), "chmod 0600") {
		t.Errorf("keys that others read: %v", err)
	}
}

func TestSavedPlanIsBound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan")
	plan := &engine.Plan{Observed: engine.Fingerprint{1}, Wanted: engine.Fingerprint{2}}
	p := &Planned{Plan: plan, Target: Target{Name: "standby"}}
	if err := SavePlans(path, []SavedPlan{p.Saved(""), {Host: "other"}}); err != nil {
		t.Fatal(err)
	}
	for _, hosts := range [][]string{{"primary"}, {"standby"}, {"standby", "other", "third"}, {"standby", "primary"}} {
		if _, err := LoadPlans(path, hosts); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("for %v: %v", hosts, err)
		}
	}
	plans, err := LoadPlans(path, []string{"other", "standby"})
	if err != nil {
		t.Fatal(err)
	}
	s := plans[1]
	if err := s.stillHolds(plan); err != nil {
		t.Error(err)
	}
	for _, other := range []*engine.Plan{
		{Observed: engine.Fingerprint{9}, Wanted: engine.Fingerprint{2}},
		{Observed: engine.Fingerprint{1}, Wanted: engine.Fingerprint{9}},
	} {
		if err := s.stillHolds(other); err == nil {
			t.Error("a plan that no longer holds is taken")
		}
	}
}
