package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// rootFile names, on a test's SSH server, the tree that its agent serves.
const rootFile = "/etc/hikae-test-root"

// TestMain lets this test binary be the agent that is started over SSH.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		if err := serveTestAgent(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		return
	}
	os.Exit(m.Run())
}

func serveTestAgent() error {
	b, err := os.ReadFile(rootFile)
	if err != nil {
		return err
	}
	h := diskHost{newFakeHost(), strings.TrimSpace(string(b))}
	fmt.Println("a stray line that must not reach the client")
	return ServeStdio(context.Background(), Server{
		Host: h, Modules: []engine.Module{diskModule{h}, userModule{}}, Applier: diskApplier{h}, Build: "v1",
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}

// diskHost is a fake host whose files are real.
type diskHost struct {
	*fakeHost
	root string
}

func (h diskHost) Open(path string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(h.root, path))
}

type diskModule struct{ h diskHost }

func (diskModule) Schema() engine.Schema { return fileSchema() }

func (m diskModule) Apply(context.Context, hosts.Host, engine.Job) error { return nil }

func (m diskModule) Read(_ context.Context, r hosts.Reader, s engine.Scope, emit func(engine.Resource) error) (engine.Coverage, error) {
	entries, err := os.ReadDir(m.h.root)
	if err != nil {
		return engine.Coverage{}, err
	}
	for _, e := range entries {
		path := "/" + e.Name()
		open := func() (io.ReadCloser, error) { return r.Open(path) }
		f, err := open()
		if err != nil {
			return engine.Coverage{}, err
		}
		c, err := hashOf(f)
		if err != nil {
			return engine.Coverage{}, err
		}
		s.Vault.Plain(c, open)
		if err := emit(engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: fileNode(c)}); err != nil {
			return engine.Coverage{}, err
		}
	}
	return engine.Coverage{Whole: true}, nil
}

// diskApplier writes the files of a request below the root. The name "/wait"
// makes it wait until it is to stop, and then write /finished; "/none" ends it.
type diskApplier struct{ h diskHost }

func (a diskApplier) Apply(ctx context.Context, req engine.ApplyRequest, open func(hosts.Content) (io.ReadCloser, error), emit func(engine.ApplyEvent)) (engine.ApplyResult, error) {
	var res engine.ApplyResult
	for _, c := range req.Changes {
		if c.Addr.Name == "/wait" {
			emit(engine.ApplyEvent{Progress: "waiting"})
			<-engine.Stopping(ctx)
			return res, os.WriteFile(filepath.Join(a.h.root, "finished"), nil, 0o600)
		}
		if c.Addr.Name == "/none" {
			return res, nil
		}
		rc, err := open(c.After.Node.Content)
		if err != nil {
			return res, err
		}
		f, err := os.Create(filepath.Join(a.h.root, c.Addr.Name))
		if err != nil {
			return res, err
		}
		if _, err := io.Copy(f, rc); err != nil {
			return res, err
		}
		if err := f.Close(); err != nil {
			return res, err
		}
		res.Applied = append(res.Applied, c.Addr)
	}
	return res, nil
}
