package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// blackhole is a link whose far end is gone without a word.
type blackhole struct {
	closed chan struct{}
}

func (b blackhole) Read([]byte) (int, error)  { <-b.closed; return 0, io.EOF }
func (b blackhole) Write([]byte) (int, error) { <-b.closed; return 0, io.ErrClosedPipe }
func (b blackhole) Close() error              { close(b.closed); return nil }

// An apply that hangs on its host, while the agent answers, is given up some time after
// its deadline, and the session with it, and sooner where it was cancelled before; one
// without a deadline is waited for.
func TestHungApply(t *testing.T) {
	for name, tt := range map[string]struct{ deadline, cancel, ends time.Duration }{
		"a deadline":               {time.Hour, 0, time.Hour + endsWithin},
		"cancelled before that":    {time.Hour, time.Minute, time.Minute + stopsWithin + endsWithin},
		"cancelled shortly before": {time.Hour, time.Hour - time.Minute, time.Hour + endsWithin},
		"cancelled":                {0, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				hangs := make(chan struct{})
				r.applier.during = func(context.Context, func(engine.ApplyEvent)) (engine.ApplyResult, error) {
					<-hangs
					return engine.ApplyResult{Err: "it was stopped"}, nil
				}
				c := r.client(t)
				ctx, cancel := context.WithCancel(t.Context())
				if tt.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tt.deadline)
				}
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				began, over := time.Now(), make(chan error, 1)
				go func() {
					_, err := c.Apply(ctx, request(), nil, nil)
					over <- err
				}()
				select {
				case err := <-over:
					if took := time.Since(began); tt.ends == 0 || !errors.Is(err, ErrLost) || took < tt.ends || took > tt.ends+time.Minute {
						t.Errorf("it ended with %v, after %v", err, took)
					}
					if _, err := c.Apply(t.Context(), request(), nil, nil); !errors.Is(err, ErrLost) {
						t.Errorf("the session goes on: %v", err)
					}
					close(hangs)
				case <-time.After(3 * time.Hour):
					if tt.deadline > 0 {
						t.Error("it is not given up")
					}
					close(hangs)
					if err := <-over; err != nil {
						t.Error(err)
					}
				}
				_ = c.Close()
				synctest.Wait()
			})
		})
	}
}

// Both sides notice a dead link within 30 seconds, even one who is blocked in
// a write.
func TestDeadLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{host: newFakeHost()}
		began := time.Now()
		err := Serve(t.Context(), blackhole{make(chan struct{})}, Server{Host: r.host})
		if !errors.Is(err, ErrLost) || time.Since(began) > 30*time.Second {
			t.Errorf("server: %v after %v", err, time.Since(began))
		}
		began = time.Now()
		_, err = New(t.Context(), blackhole{make(chan struct{})}, Options{})
		if !errors.Is(err, ErrLost) || time.Since(began) > 30*time.Second {
			t.Errorf("client: %v after %v", err, time.Since(began))
		}
	})
}

// A session in which nothing happens, or whose apply takes long, stays alive;
// so does one whose client takes its time over a resource.
func TestSilenceIsNotDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost()
		h.set("/etc/a", nil)
		long := applierFunc(func(context.Context, engine.ApplyRequest, func(hosts.Content) (io.ReadCloser, error), func(engine.ApplyEvent)) (engine.ApplyResult, error) {
			time.Sleep(time.Hour)
			return engine.ApplyResult{Notes: []string{"done"}}, nil
		})
		ours, theirs := net.Pipe()
		served := make(chan error, 1)
		go func() {
			served <- Serve(t.Context(), theirs, Server{
				Host: h, Modules: []engine.Module{fileModule{h}, userModule{}}, Applier: long, Build: "v1", Spool: t.TempDir(),
			})
		}()
		c, err := New(t.Context(), ours, options())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		_, _, err = c.Read(t.Context(), ReadRequest{}, func(engine.Resource) error {
			time.Sleep(time.Hour)
			return nil
		})
		if err != nil {
			t.Errorf("read: %v", err)
		}
		res, err := c.Apply(t.Context(), request(), nil, nil)
		if err != nil || len(res.Notes) != 1 {
			t.Errorf("apply: %+v, %v", res, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("served: %v", err)
		}
	})
}

func TestSendChunk(t *testing.T) {
	for _, n := range []int{0, 1, 100, 70_000, chunkSize} {
		var out bytes.Buffer
		l := &link{rwc: nopCloser{&out}}
		l.bw = bufio.NewWriterSize(&out, 64<<10)
		want := bytes.Repeat([]byte("x"), n)
		for range 2 {
			if err := l.sendChunk(append(make([]byte, headerSize), want...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.send(kindBye, nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if m, err := readMessage(&out, nil); err != nil || m.kind != kindChunk || !bytes.Equal(m.body, want) {
				t.Fatalf("%d bytes: %d, %v", n, len(m.body), err)
			}
		}
		if m, err := readMessage(&out, nil); err != nil || m.kind != kindBye {
			t.Fatalf("%d, %v", m.kind, err)
		}
	}
}

type nopCloser struct{ io.ReadWriter }

func (nopCloser) Close() error { return nil }
