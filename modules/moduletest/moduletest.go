// Package moduletest holds every host module to the contract of engine.Module:
// Read changes nothing and looks at its sources alone; Apply makes what was planned; a second plan is empty;
// an Apply that is interrupted at any write, and run again, ends the same.
package moduletest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"hikae/engine"
	"hikae/hosts"
	"hikae/hosts/hosttest"
)

// Case is a module and two hosts: Source is as Target should be. Both are made
// anew for each interruption.
type Case struct {
	Module         engine.Module
	Source, Target func(testing.TB) *hosttest.Host
	Scope          engine.Scope
	// Base are addresses that hikae is taken to have applied to Target as they
	// are there, so that what Source lacks of them is deleted.
	Base []engine.Addr
	// MaxFaults bounds how many writes are tried; 0 tries all.
	MaxFaults int
}

// Run holds the module to the contract.
func Run(t *testing.T, c Case) {
	t.Helper()
	t.Run("read changes nothing", func(t *testing.T) {
		h := c.Target(t)
		before := tree(t, h.Root)
		newRun(t, c, h).read(h)
		if after := tree(t, h.Root); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
	t.Run("read looks at its sources alone", func(t *testing.T) {
		Sources(t, c.Module, c.Scope, c.Source(t))
		Sources(t, c.Module, c.Scope, c.Target(t))
	})
	writes := 0
	t.Run("applied once, nothing is left to do", func(t *testing.T) {
		h := c.Target(t)
		f := hosttest.NewFaulty(h)
		r := newRun(t, c, h)
		if p := r.plan(); p.Empty() {
			t.Fatal("the case plans nothing")
		}
		if err := r.apply(f); err != nil {
			t.Fatal(err)
		}
		writes = f.Writes()
		r.empty()
	})
	if c.MaxFaults > 0 {
		writes = min(writes, c.MaxFaults)
	}
	for _, fault := range []hosttest.Fault{hosttest.Fail, hosttest.Stop, hosttest.StopAfter, hosttest.Torn} {
		for n := 1; n <= writes; n++ {
			t.Run(fmt.Sprintf("fault %d at write %d, then again", fault, n), func(t *testing.T) {
				h := c.Target(t)
				f := hosttest.NewFaulty(h)
				r := newRun(t, c, h)
				f.At(n, fault)
				_ = r.apply(f) // it may fail, and may be through
				f.At(0, 0)
				h.Reopen()
				if r.plan().Empty() {
					return
				}
				if err := r.apply(f); err != nil {
					t.Fatal(err)
				}
				r.empty()
			})
		}
	}
}

// run is one target on its way to be like the source.
type run struct {
	t       testing.TB
	c       Case
	h       *hosttest.Host
	desired *engine.Desired
	schemas []engine.Schema
	vault   *vault
	base    engine.Base
}

func newRun(t testing.TB, c Case, h *hosttest.Host) *run {
	t.Helper()
	r := &run{t: t, c: c, h: h, schemas: []engine.Schema{c.Module.Schema()}, vault: newVault(), base: engine.Base{}}
	src := r.read(c.Source(t))
	snap := &engine.Snapshot{Host: "source"}
	for _, res := range src.Resources {
		snap.Resources = append(snap.Resources, *res)
	}
	d, diags := engine.Compile(engine.Want{Host: "target", Source: snap, Schemas: r.schemas})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	r.desired = d
	act := r.read(h)
	for _, a := range c.Base {
		if act.Resources[a] == nil {
			t.Fatalf("%s is not on the target", a)
		}
		r.base[a] = engine.FingerprintOf(act.Resources[a], r.schemas[0])
	}
	return r
}

func (r *run) read(h *hosttest.Host) *engine.Actual {
	r.t.Helper()
	s := r.c.Scope
	s.Vault = r.vault
	act := &engine.Actual{Facts: h.Facts(), Resources: map[engine.Addr]*engine.Resource{}, Coverage: map[string]engine.Coverage{}}
	cov, err := r.c.Module.Read(context.Background(), h, s, func(res engine.Resource) error {
		if act.Resources[res.Addr] != nil {
			return fmt.Errorf("%s was emitted twice", res.Addr)
		}
		act.Resources[res.Addr] = &res
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	act.Coverage[r.schemas[0].Kind] = cov
	return act
}

func (r *run) plan() *engine.Plan {
	r.t.Helper()
	return engine.MakePlan("target", r.desired, r.read(r.h), r.base, r.schemas)
}

func (r *run) empty() {
	r.t.Helper()
	for _, c := range r.plan().Changes {
		r.t.Errorf("still to do: %s %s: before %+v, after %+v", c.Action, c.Addr, c.Before, c.After)
	}
}

func (r *run) apply(h hosts.Host) error {
	r.t.Helper()
	kept := 0
	return r.c.Module.Apply(context.Background(), h, engine.Job{
		Changes: r.plan().Changes,
		Open:    r.vault.open,
		Keep: func(ctx context.Context, paths []string) ([]string, error) {
			var to []string
			for _, p := range paths {
				kept++
				to = append(to, fmt.Sprintf("/tmp/kept-%d", kept))
				if err := keep(ctx, h, p, to[len(to)-1]); err != nil {
					return nil, err
				}
			}
			return to, nil
		},
		Done:     func(engine.Addr) {},
		HeldBack: func(a engine.Addr, why string) { r.t.Errorf("%s is held back: %s", a, why) },
		Progress: func(string) {},
	})
}

func keep(ctx context.Context, h hosts.Host, p, to string) error {
	n, err := h.Stat(p)
	if err != nil {
		return err
	}
	f, err := h.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	return h.Put(ctx, to, n, f)
}

// vault keeps what was read in memory.
type vault struct{ contents map[hosts.Content][]byte }

func newVault() *vault { return &vault{map[hosts.Content][]byte{}} }

func (v *vault) Plain(c hosts.Content, open func() (io.ReadCloser, error)) {
	if b, err := readAll(open); err == nil {
		v.contents[c] = b
	}
}

func (v *vault) Unnamed(string, int64, func() (io.ReadCloser, error)) {
	panic("all contents are to be named")
}

func (v *vault) Secret(open func() (io.ReadCloser, error)) (hosts.Content, error) {
	b, err := readAll(open)
	if err != nil {
		return hosts.Content{}, err
	}
	mac := hmac.New(sha256.New, []byte("home"))
	_, _ = mac.Write(b)
	c := hosts.Content{Size: int64(len(b)), ID: hosts.ID(mac.Sum(nil)), Sealed: true}
	v.contents[c] = b
	return c, nil
}

func (v *vault) open(c hosts.Content) (io.ReadCloser, error) {
	b, ok := v.contents[c]
	if !ok {
		return nil, fmt.Errorf("no content %s", c.ID)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func readAll(open func() (io.ReadCloser, error)) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// tree describes all below a directory, times included.
func tree(t testing.TB, root string) string {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v %d %v\n", p, info.Mode(), info.Size(), info.ModTime())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%x\n", sha256.Sum256(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
