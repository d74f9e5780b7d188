package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hikae/engine"
	"hikae/engine/execute"
	"hikae/hosts"
	"hikae/hosts/hosttest"
	"hikae/modules/file"
)

// The attacks of these tests keep to the protocol: a client that means ill, and
// people on the host who wait for root to write where they can put links. The
// agent is the real one: its session, execute.Executor, the file module, and a
// real file system. hostile_test.go has those that do not keep to the protocol.

// prey is a host under attack.
type prey struct {
	*hosttest.Host
	t     *testing.T
	c     *Client
	store *blobs
}

func newPrey(t *testing.T) *prey {
	t.Helper()
	h := hosttest.New(t)
	h.Write("/etc/shadow", "root:secret\n")
	h.Write("/etc/machine-id", "0123\n")
	h.Mkdir("/home/alice/d")
	for path, mode := range map[string]os.FileMode{"/etc/shadow": 0o000, "/home/alice": 0o755, "/home/alice/d": 0o755} {
		if err := os.Chmod(h.Path(path), mode); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "/home") {
			if err := os.Chown(h.Path(path), 1000, 1000); err != nil {
				t.Fatal(err)
			}
		}
	}
	modules := []engine.Module{file.Module{}}
	c, err := Local(t.Context(), Server{
		Host: h, Modules: modules, Applier: &execute.Executor{Host: h, Modules: modules}, Build: "v1", Spool: filepath.Join(t.TempDir(), "spool"),
	}, Options{Build: "v1", Schemas: []engine.Schema{file.Module{}.Schema()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &prey{Host: h, t: t, c: c, store: newBlobs(t)}
}

// apply has the agent make a path a file that holds evil. It returns why not.
func (p *prey) apply(path string, edit func(*engine.Change)) error {
	p.t.Helper()
	ch := put(path, hosts.Content{}, p.store.add("evil"))
	if edit != nil {
		edit(&ch)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	res, err := p.c.Apply(ctx, request(ch), p.store.open, nil)
	if ctx.Err() != nil {
		p.t.Fatalf("%q: it hangs", path)
	}
	if err == nil && res.Err != "" {
		err = errors.New(res.Err)
	}
	return err
}

// before is a change's Before as the path is now.
func (p *prey) before(path string) *engine.Resource {
	p.t.Helper()
	n, err := p.Stat(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if n.Content, err = p.Digest(p.t.Context(), path); err != nil {
		p.t.Fatal(err)
	}
	return &engine.Resource{Addr: engine.Addr{Kind: "file", Name: path}, Node: &n}
}

// etc describes all below /etc: bytes, modes, owners, targets.
func (p *prey) etc() string {
	p.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(p.Path("/etc"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := ""
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(data)
		case unix.S_IFLNK:
			text, _ = os.Readlink(path)
		}
		_, _ = fmt.Fprintf(&b, "%s %o %d %d %q\n", path, st.Mode, st.Uid, st.Gid, text)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return b.String()
}

// Nothing that somebody laid where he may write leads the agent elsewhere.
func TestAttackLaidTraps(t *testing.T) {
	type attack struct {
		lay    func(p *prey) error
		path   string
		edit   func(p *prey, c *engine.Change)
		refuse bool // else it may be done, in its own place
	}
	for name, a := range map[string]attack{
		"a link above": {func(p *prey) error { return os.Symlink("/etc", p.Path("/home/alice/l")) }, "/home/alice/l/passwd", nil, true},
		"a relative link above": {
			func(p *prey) error { return os.Symlink("../../etc", p.Path("/home/alice/l")) }, "/home/alice/l/shadow", nil, true,
		},
		"a link to the root above": {func(p *prey) error { return os.Symlink("/", p.Path("/home/alice/l")) }, "/home/alice/l/etc/x", nil, true},
		"a link of root's to a guarded place": {
			func(p *prey) error { return os.Symlink(".", p.Path("/etc/alias")) }, "/etc/alias/machine-id", nil, true,
		},
		"a link in its place":     {func(p *prey) error { return os.Symlink("/etc/shadow", p.Path("/home/alice/f")) }, "/home/alice/f", nil, false},
		"a dangling link":         {func(p *prey) error { return os.Symlink("/etc/new", p.Path("/home/alice/f")) }, "/home/alice/f", nil, false},
		"a fifo":                  {func(p *prey) error { return unix.Mkfifo(p.Path("/home/alice/f"), 0o666) }, "/home/alice/f", nil, true},
		"a device":                {func(p *prey) error { return unix.Mknod(p.Path("/home/alice/f"), unix.S_IFCHR|0o666, 1<<8|3) }, "/home/alice/f", nil, true},
		"a fifo above":            {func(p *prey) error { return unix.Mkfifo(p.Path("/home/alice/f"), 0o666) }, "/home/alice/f/x", nil, true},
		"a link where it is kept": {func(p *prey) error { return os.Symlink("/etc/shadow", p.Path("/home/alice/.hikae.0123456789abcdef")) }, "/home/alice/f", nil, false},
		"a hard link": {
			func(p *prey) error { return os.Link(p.Path("/etc/shadow"), p.Path("/home/alice/f")) }, "/home/alice/f",
			func(p *prey, c *engine.Change) { c.Action, c.Before = engine.Update, p.before("/home/alice/f") }, false,
		},
		"a hard link, the mode": {
			func(p *prey) error { return os.Link(p.Path("/etc/shadow"), p.Path("/home/alice/f")) }, "/home/alice/f",
			func(p *prey, c *engine.Change) {
				c.Action, c.Before = engine.Update, p.before("/home/alice/f")
				c.After.Node = c.Before.Node.Clone()
				c.After.Node.Mode, c.After.Node.Owner = 0o666, "alice"
			}, false,
		},
		"the identity":    {nil, "/etc/machine-id", func(p *prey, c *engine.Change) { c.Action, c.Before = engine.Update, p.before("/etc/machine-id") }, true},
		"the home key":    {nil, "/etc/hikae/home.key", nil, true},
		"the recipients":  {nil, "/etc/hikae/recipients", nil, true},
		"the agent's own": {nil, "/var/lib/hikae/journal", nil, true},
		"the sudo line":   {nil, "/etc/sudoers.d/hikae", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrey(t)
			if a.lay != nil {
				if err := a.lay(p); err != nil {
					t.Fatal(err)
				}
			}
			etc := p.etc()
			err := p.apply(a.path, func(c *engine.Change) {
				if a.edit != nil {
					a.edit(p, c)
				}
			})
			if a.refuse && err == nil {
				t.Error("it was done")
			}
			if now := p.etc(); now != etc {
				t.Errorf("/etc was\n%s\nand is\n%s", etc, now)
			}
		})
	}
}

// Names that are odd are carried as they are, those that are none refused.
func TestAttackNames(t *testing.T) {
	p := newPrey(t)
	for name, ok := range map[string]bool{
		strings.Repeat("n", 255): true, strings.Repeat("\xff", 255): true, strings.Repeat("n", 256): false,
		"a\nb": true, "caf\xe9": true, " ": true, "\x1b[2J": true, "-rf": true, "$(id)": true, "`id`": true, "%{if}": true, "a\x00b": false,
		"..": false, ".": false, "a/../../passwd": false, "": false, "a//b": false,
	} {
		path := "/home/alice/d/" + name
		etc := p.etc()
		err := p.apply(path, nil)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if ok && p.Text(path) != "evil" {
			t.Errorf("%q holds %q", name, p.Text(path))
		}
		if p.etc() != etc {
			t.Fatalf("%q changed /etc", name)
		}
		if errors.Is(err, ErrProtocol) { // and that was the end of the session
			q := newPrey(t)
			p.c, p.Host = q.c, q.Host
		}
	}
}

// Somebody swaps a directory of his for a link to /etc, over and over, while
// the agent writes and reads in it.
func TestAttackSwappedDirectory(t *testing.T) {
	p := newPrey(t)
	if err := errors.Join(os.Symlink("/etc", p.Path("/home/alice/l")), os.Lchown(p.Path("/home/alice/l"), 1000, 1000)); err != nil {
		t.Fatal(err)
	}
	etc, shadow := p.etc(), contentOf([]byte("root:secret\n"))
	swapped := 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			err := unix.Renameat2(unix.AT_FDCWD, p.Path("/home/alice/d"), unix.AT_FDCWD, p.Path("/home/alice/l"), unix.RENAME_EXCHANGE)
			if err != nil {
				t.Error(err)
				return
			}
			swapped++
		}
	}()
	var halt sync.Once
	t.Cleanup(func() { halt.Do(func() { close(stop) }) })
	made, refused := 0, 0
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		for _, name := range []string{"passwd", "shadow", fmt.Sprint("new", made+refused)} {
			if p.apply("/home/alice/d/"+name, nil) == nil {
				made++
			} else {
				refused++
			}
		}
		_, _, err := p.c.Read(t.Context(), ReadRequest{Scope: engine.Scope{Paths: []string{"/home"}}, HomeKey: testKey()}, func(r engine.Resource) error {
			if strings.HasPrefix(r.Addr.Name, "/home/") && r.Node.Type == hosts.File && r.Node.Content == shadow {
				t.Errorf("%s was read as /etc/shadow", r.Addr.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	halt.Do(func() { close(stop) })
	<-done
	t.Logf("%d swaps, %d written, %d refused", swapped, made, refused)
	if swapped < 100 || made+refused < 10 {
		t.Errorf("%d swaps and %d writes are no race", swapped, made+refused)
	}
	if now := p.etc(); now != etc {
		t.Errorf("/etc was\n%s\nand is\n%s", etc, now)
	}
}

// A client gets what a read of its session declared, and nothing by its name
// alone; a secret never in the clear.
func TestAttackFetch(t *testing.T) {
	r := newRig(t)
	r.host.set("/etc/a", []byte("x"))
	r.host.set("/etc/b.secret", []byte("hidden"))
	r.host.set("/root/private", []byte("private")) // no module would declare it if it were not read
	known := contentOf([]byte("private"))
	c := r.client(t)
	if got, err := fetchAll(t, c, []hosts.Content{known}, nil); err == nil {
		t.Errorf("before a read: %q", got)
	}
	found := read(t, c, ReadRequest{HomeKey: testKey()})
	secret := found["/etc/b.secret"].Node.Content
	plain := contentOf([]byte("hidden"))
	for name, ask := range map[string]hosts.Content{
		"a secret as if it were none": {Size: secret.Size, ID: secret.ID},
		"a secret by its plain hash":  plain,
		"a plain one as a secret":     {Size: 1, ID: found["/etc/a"].Node.Content.ID, Sealed: true},
		"nothing":                     {},
	} {
		if got, err := fetchAll(t, c, []hosts.Content{ask}, []string{testRecipient}); err == nil || len(got) > 0 && bytes.Contains(got[ask.ID], []byte("hidden")) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := fetchAll(t, c, []hosts.Content{secret}, nil); err == nil {
		t.Errorf("a secret sealed to nobody: %q", got)
	}
}

// Stamps that this home's agents did not make are not believed: they could have
// a secret pass for what its package shipped.
func TestAttackStamps(t *testing.T) {
	r := newRig(t)
	r.server.ReadOnly, r.server.HomeKey = true, testKey()
	_, stamps, err := r.client(t).Read(t.Context(), ReadRequest{}, func(engine.Resource) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	named := hmac.New(sha256.New, testKey()) // as a secret with that text would be named
	named.Write([]byte("evil"))
	other := &vault{key: bytes.Repeat([]byte{9}, 32)}
	forged, err := other.sealStamps([]byte("evil"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string][]byte{
		"bare": []byte("evil"), "of another home": forged, "by the name of a secret": append([]byte("evil"), named.Sum(nil)...),
		"changed": append([]byte{stamps[0] ^ 1}, stamps[1:]...), "cut": stamps[:len(stamps)-1],
	} {
		r.host.stamps = nil
		if _, _, err := r.client(t).Read(t.Context(), ReadRequest{Stamps: s}, func(engine.Resource) error { return nil }); err != nil || r.host.stamps != nil {
			t.Errorf("%s: %q is believed, %v", name, r.host.stamps, err)
		}
	}
	if _, _, err := r.client(t).Read(t.Context(), ReadRequest{Stamps: stamps}, func(engine.Resource) error { return nil }); err != nil || string(r.host.stamps) != "+" {
		t.Errorf("its own: %q, %v", r.host.stamps, err)
	}
}

// A secret that was edited since the plan, to another of the same length, is
// not overwritten: the agent tells secrets apart by their keyed names.
func TestAttackSecretEditedMeanwhile(t *testing.T) {
	p := newPrey(t)
	p.c.homeKey = testKey()
	const path = "/etc/app.key"
	old, wanted := p.store.addSecret(testKey(), "old secret"), p.store.addSecret(testKey(), "new secret")
	for text, ok := range map[string]bool{"old secret": true, "new secret": true, "my own key": false} {
		p.Write(path, text)
		err := p.apply(path, func(c *engine.Change) {
			*c = put(path, old, wanted)
			c.Before.Node.Mode, c.After.Node.Mode = 0o644, 0o644
		})
		if (err == nil) != ok {
			t.Errorf("over %q: %v", text, err)
		}
		want := "new secret"
		if !ok {
			want = text
		}
		if got := p.Text(path); got != want {
			t.Errorf("over %q: it holds %q", text, got)
		}
		if err := os.Remove(p.Path(path)); err != nil {
			t.Fatal(err)
		}
	}
}
