package daemons_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/account"
	"hikae/modules/daemons"
	"hikae/modules/file"
)

// filled is a value of the schema of which all but some attributes are null.
func filled(s engine.Schema, some map[string]cty.Value) cty.Value {
	all := map[string]cty.Value{}
	for name, ty := range s.ObjectType().AttributeTypes() {
		all[name] = cty.NullVal(ty)
	}
	maps.Copy(all, some)
	return cty.ObjectVal(all)
}

// A change that logins hang on stays if a new login confirms it in time, and
// is undone if none does.
func TestChangeStaysWithANewLogin(t *testing.T) {
	const conf = "/etc/ssh/sshd_config"
	for _, tt := range []struct {
		name     string
		confirm  func(h *hosttest.Host, token string) error
		stays    bool
		deadline time.Duration
	}{
		{"confirmed", (*hosttest.Host).ConfirmLogin, true, time.Minute},
		{"not confirmed", func(*hosttest.Host, string) error { return nil }, false, 200 * time.Millisecond},
		{"confirmed with another token", func(h *hosttest.Host, token string) error {
			if err := h.ConfirmLogin(strings.Repeat("0", len(token))); err == nil {
				return fmt.Errorf("any token will do")
			}
			return nil
		}, false, 200 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New(t)
			h.Write(conf, "old\n")
			before := node(t, h, conf)
			after := before
			after.Content = content("new\n")
			accounts := h.Text("/etc/passwd")
			carol := map[string]cty.Value{"uid": cty.NumberIntVal(1500), "group": cty.StringVal("web"), "system": cty.False}
			x := &execute.Executor{Host: h, Modules: []engine.Module{account.Group{}, account.User{}, file.Module{}}, Units: daemons.Units()}
			var asked []string
			var begun []engine.Addr
			res, err := x.Apply(t.Context(), engine.ApplyRequest{
				Stage: engine.StageConfig, Holder: "test", LoginDeadline: tt.deadline,
				Changes: []engine.Change{{
					Addr: engine.Addr{Kind: "file", Name: conf}, Action: engine.Update,
					Before: &engine.Resource{Node: &before, Value: cty.NilVal}, After: &engine.Resource{Node: &after, Value: cty.NilVal},
				}, {
					Addr: engine.Addr{Kind: "user", Name: "carol"}, Action: engine.Create,
					After: &engine.Resource{Value: filled(account.User{}.Schema(), carol)},
				}},
			}, func(hosts.Content) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("new\n")), nil
			}, func(e engine.ApplyEvent) {
				if e.Login == "" {
					if len(e.Of) > 0 { // said before the link may be lost by it
						begun = e.Of
					}
					return
				}
				if len(e.Of) != 1 || !slices.Equal(e.Of, begun) {
					t.Errorf("a login is wanted for %v, and begun was %v", e.Of, begun)
				}
				asked = append(asked, e.Progress)
				if err := tt.confirm(h, e.Login); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if got, stays := h.Text("/etc/passwd"), strings.Contains(h.Text("/etc/passwd"), "carol"); stays != tt.stays || !stays && got != accounts {
				t.Errorf("accounts:\n%s", got)
			}
			if tt.stays {
				if h.Text(conf) != "new\n" || res.RolledBack || len(res.Applied) != 2 || strings.Join(asked, ", ") != "kind user, sshd.service" {
					t.Errorf("%q stands there; asked for %q; %+v", h.Text(conf), asked, res)
				}
				return
			}
			if h.Text(conf) != "old\n" || !res.RolledBack || len(res.Applied) != 0 || !strings.Contains(res.Err, "log in anew within 200ms") {
				t.Errorf("%q stands there; %+v", h.Text(conf), res)
			}
		})
	}
}

// halfway is a kind of which a change fails when something was made already.
type halfway struct{ account.User }

func (m halfway) Apply(ctx context.Context, h hosts.Host, job engine.Job) error {
	return errors.Join(m.User.Apply(ctx, h, job), errors.New("one home cannot be made"))
}

// What was made before a change failed is undone, too, if nobody can log in by it.
func TestHalfAChangeHasToLetPeopleIn(t *testing.T) {
	for _, stays := range []bool{true, false} {
		h := hosttest.New(t)
		x := &execute.Executor{Host: h, Modules: []engine.Module{account.Group{}, halfway{}}}
		before := h.Text("/etc/passwd")
		carol := map[string]cty.Value{"uid": cty.NumberIntVal(1500), "group": cty.StringVal("web"), "system": cty.False}
		res, err := x.Apply(t.Context(), engine.ApplyRequest{
			Stage: engine.StageConfig, Holder: "test", LoginDeadline: 200 * time.Millisecond,
			Changes: []engine.Change{{
				Addr: engine.Addr{Kind: "user", Name: "carol"}, Action: engine.Create,
				After: &engine.Resource{Value: filled(account.User{}.Schema(), carol)},
			}},
		}, nil, func(e engine.ApplyEvent) {
			if stays && e.Login != "" {
				if err := h.ConfirmLogin(e.Login); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		made := h.Text("/etc/passwd") != before
		if made != stays || res.RolledBack == stays || (len(res.Applied) == 1) != stays || !strings.Contains(res.Err, "one home cannot be made") {
			t.Errorf("with a new login: %v: made: %v; %+v", stays, made, res)
		}
	}
}
