package local_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// A login is confirmed once, by its token, while somebody waits.
func TestLoginGate(t *testing.T) {
	h := hosttest.New(t)
	token, other := strings.Repeat("0a", 16), strings.Repeat("0b", 16)
	if err := h.ConfirmLogin(token); !errors.Is(err, hosts.ErrNotAwaited) {
		t.Errorf("before: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := h.AwaitLogin(ctx, token, func() {
		if err := h.ConfirmLogin(other); !errors.Is(err, hosts.ErrNotAwaited) {
			t.Errorf("another token: %v", err)
		}
		if err := h.ConfirmLogin(token); err != nil {
			t.Error(err)
		}
		if err := h.ConfirmLogin(token); !errors.Is(err, hosts.ErrNotAwaited) {
			t.Errorf("twice: %v", err)
		}
	})
	if !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got, err := h.AwaitLogin(ctx, token, func() {}); got || err != nil {
		t.Errorf("nobody came: %v, %v", got, err)
	}
	if err := h.ConfirmLogin(token); !errors.Is(err, hosts.ErrNotAwaited) {
		t.Errorf("too late: %v", err)
	}
	for _, bad := range []string{"", "../../etc/passwd", "0A" + token[2:], token + "00"} {
		if err := h.ConfirmLogin(bad); err == nil || errors.Is(err, hosts.ErrNotAwaited) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
	if left := names(t, h.Path("/run/hikae")); left != "" {
		t.Errorf("left behind: %s", left)
	}
}
