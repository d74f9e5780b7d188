package selinux

import (
	"context"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"

	"hikae/engine"
	"hikae/hosts"
)

// memory is a host that has nothing but a few files of its policy store.
type memory struct {
	hosts.Host
	files map[string]string
}

func (m memory) Facts() hosts.Facts { return hosts.Facts{Policy: "targeted"} }

func (m memory) Stat(p string) (hosts.Node, error) {
	if p == active || p == semanageProgram {
		return hosts.Node{Type: hosts.Dir}, nil
	}
	return hosts.Node{}, fs.ErrNotExist
}

func (m memory) ReadDir(string) ([]string, error) { return nil, fs.ErrNotExist }

func (m memory) Open(p string) (io.ReadCloser, error) {
	if text, ok := m.files[path.Base(p)]; ok {
		return io.NopCloser(strings.NewReader(text)), nil
	}
	return nil, fs.ErrNotExist
}

func (m memory) Run(context.Context, hosts.Cmd) (hosts.Result, error) { return hosts.Result{}, nil }

// Whatever a store holds is read without a failure, and all that is read can be
// made on another host: each by one line that has one meaning to semanage.
func FuzzStore(f *testing.F) {
	f.Add("a=1\nb = 0\n", "portcon tcp 80 system_u:object_r:a_t:s0\nportcon udp 1 - 5 u:object_r:b_t\n", "/a(/.*)? -d system_u:object_r:a_t:s0:c1\n/b <<none>>\n")
	f.Add("-D=1\n=\n", "portcon tcp 80-81 x\n", "/a\\.b' <<none>>\n--\n")
	f.Fuzz(func(t *testing.T, booleans, ports, fcontexts string) {
		h := memory{files: map[string]string{booleansFile: booleans, portsFile: ports, fcontextsFile: fcontexts}}
		st := &store{r: h, policy: "targeted", dir: active}
		for _, k := range kinds() {
			var cs []engine.Change
			_, err := k.Read(t.Context(), h, engine.Scope{}, func(r engine.Resource) error {
				cs = append(cs, engine.Change{Addr: r.Addr, Action: engine.Create, After: &r})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			b := &batch{host: h, store: st}
			if err := k.plan(t.Context(), b, cs); err != nil {
				t.Fatalf("what was read cannot be made: %v", err)
			}
			if len(b.commands) != len(cs) {
				t.Errorf("%d commands for %d resources", len(b.commands), len(cs))
			}
			for _, c := range b.commands {
				words := strings.Fields(c)
				if strings.ContainsAny(c, "\n\r") || len(words) < 3 || len(words) > 12 || words[0]+" " != strings.TrimPrefix(k.schema.Kind, "selinux_")+" " {
					t.Errorf("semanage would take %q for something else", c)
				}
			}
		}
	})
}
