package selinux

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"hikae/engine"
	"hikae/hosts"
)

// maxModule bounds a module, in bytes. The largest of EL 8 has 400 kB.
const maxModule = 16 << 20

// stagingDir holds modules on their way into the store: libsemanage names one
// that is in CIL after its file.
const stagingDir = "/var/lib/hikae/selinux"

// module is one of the store.
type module struct {
	name     string
	file     string // below the store; "" for a distribution's, which is switched off
	priority int64
	disabled bool
}

// modules lists those that were added here, the one of the highest priority for
// each name, and those that are switched off, by name.
func (st *store) modules() ([]module, error) {
	off, err := st.names("modules/disabled")
	if err != nil {
		return nil, err
	}
	priorities, err := st.names("modules")
	if err != nil {
		return nil, err
	}
	found := map[string]module{}
	for _, p := range priorities {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil || n <= distribution || strconv.FormatInt(n, 10) != p {
			continue
		}
		names, err := st.names("modules/" + p)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if n < found[name].priority || checkWord("module", name) != nil {
				continue
			}
			file, err := st.source(path.Join("modules", p, name))
			if err != nil {
				return nil, err
			}
			found[name] = module{name: name, file: file, priority: n}
		}
	}
	if len(found) > 0 {
		for _, name := range packaged(st.r, st.policy) {
			delete(found, name)
		}
	}
	for _, name := range off {
		if m := found[name]; checkWord("module", name) == nil {
			m.name, m.disabled = name, true
			found[name] = m
		}
	}
	list := make([]module, 0, len(found))
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// distribution is the priority of the distribution's own modules.
const distribution = 100

func (st *store) names(dir string) ([]string, error) {
	names, err := st.r.ReadDir(st.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// source is the file of a module in the language it was given in: hll, or cil
// where it was in CIL from the start.
func (st *store) source(dir string) (string, error) {
	hll := path.Join(dir, "hll")
	_, err := st.r.Stat(st.path(hll))
	if errors.Is(err, fs.ErrNotExist) {
		return path.Join(dir, "cil"), nil
	}
	return hll, err
}

// packaged lists the modules that packages bring: by convention their files lie
// below /usr/share/selinux, and the packages' scripts install them at priority
// 200 or, older ones, at an administrator's 400.
func packaged(r hosts.Reader, policy string) []string {
	var names []string
	packages := path.Join(packagedDir, "packages")
	dirs := []string{packages, path.Join(packages, policy), path.Join(packagedDir, policy)}
	for i := 0; i < len(dirs); i++ {
		files, err := r.ReadDir(dirs[i])
		if err != nil {
			continue
		}
		for _, f := range files {
			name := strings.TrimSuffix(f, ".bz2")
			if ext := path.Ext(name); ext == ".pp" || ext == ".cil" {
				names = append(names, strings.TrimSuffix(name, ext))
			} else if i == 0 && ext == "" && f != policy {
				dirs = append(dirs, path.Join(dirs[0], f)) // a package's own directory
			}
		}
	}
	return names
}

// contents gives a module's bytes, which the store keeps compressed.
func (st *store) contents(file string) ([]byte, error) {
	f, err := st.r.Open(st.path(file))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	raw, err := io.ReadAll(io.LimitReader(f, maxModule+1))
	if err == nil && isCompressed(raw) {
		raw, err = io.ReadAll(io.LimitReader(bzip2.NewReader(bytes.NewReader(raw)), maxModule+1))
	}
	if err == nil && len(raw) > maxModule {
		err = fmt.Errorf("it has more than %d bytes", maxModule)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", st.path(file), err)
	}
	return raw, nil
}

func isCompressed(b []byte) bool { return bytes.HasPrefix(b, []byte("BZh")) }

// stage lays a change's module where semanage can take it from.
func (b *batch) stage(ctx context.Context, c engine.Change) (string, error) {
	if c.After.Node == nil || c.After.Node.Content.Size > maxModule {
		return "", refused(c.Addr, "its bytes are not there: say with source where they are")
	}
	in, err := b.job.Open(c.After.Node.Content)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.Addr, err)
	}
	defer in.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(in, maxModule+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.Addr, err)
	}
	ext, err := language(data, c.Addr.Name)
	if err != nil {
		return "", refused(c.Addr, "%w", err)
	}
	for _, dir := range []string{path.Dir(stagingDir), stagingDir} {
		if _, err := b.host.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			err := b.host.Put(ctx, dir, hosts.Node{Type: hosts.Dir, Mode: 0o700, Owner: "root", Group: "root"}, nil)
			if err != nil {
				return "", err
			}
		}
	}
	file := path.Join(stagingDir, c.Addr.Name+ext)
	n := hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(len(data))}}
	return file, b.host.Put(ctx, file, n, bytes.NewReader(data))
}

// tidy removes the modules that were laid out, an apply that was killed before
// it could do so included.
func (b *batch) tidy(ctx context.Context) error {
	names, err := b.host.ReadDir(stagingDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, name := range names {
		errs = append(errs, b.host.Remove(ctx, path.Join(stagingDir, name)))
	}
	return errors.Join(errs...)
}

// Marks of a compiled module (libsepol's module.h): a package of sections, the
// first of them a policy.
const (
	magicPackage = 0xf97cff8f
	magicModule  = 0xf97cff8d
	typeModule   = 2
)

// language tells the language of a module's bytes by the ending of a file's
// name, and holds the module to its name.
func language(data []byte, name string) (string, error) {
	if isCompressed(data) {
		return "", errors.New("it is compressed: unpack it with bunzip2")
	}
	if len(data) >= 4 && binary.LittleEndian.Uint32(data) == magicPackage {
		own, err := packageName(data)
		if err != nil {
			return "", fmt.Errorf("cannot read the compiled module: %w", err)
		}
		if own != name {
			return "", fmt.Errorf("the module calls itself %q: name the resource so", own)
		}
		return ".pp", nil
	}
	text := bytes.TrimSpace(data)
	if len(text) == 0 || text[0] != '(' && text[0] != ';' {
		return "", errors.New("it is neither CIL nor a compiled module: compile a .te with checkmodule and semodule_package")
	}
	return ".cil", nil
}

// packageName reads the name out of a compiled module. Numbers are 32 bits
// little-endian, texts have their length before them.
func packageName(data []byte) (string, error) {
	r := &words{data: data}
	r.next() // magicPackage
	r.next() // version of the format
	if n := r.next(); n < 1 || n > 1024 {
		return "", errors.New("it has no sections")
	}
	r.seek(r.next())
	if r.next() != magicModule {
		return "", errors.New("its first section is no module")
	}
	r.text() // "SE Linux Module"
	if r.next() != typeModule {
		return "", errors.New("it is a base policy")
	}
	r.next() // version
	r.next() // config
	r.next() // numbers of symbol tables and of contexts
	r.next()
	name := r.text()
	if r.short {
		return "", errors.New("it ends too early")
	}
	return name, nil
}

// words reads numbers and texts one after another; short once there are none.
type words struct {
	data  []byte
	at    int
	short bool
}

func (w *words) seek(to uint32) { w.at = int(to) }

func (w *words) take(n int) []byte {
	if w.short || n < 0 || w.at < 0 || w.at > len(w.data) || n > len(w.data)-w.at {
		w.short = true
		return make([]byte, 4)
	}
	b := w.data[w.at : w.at+n]
	w.at += n
	return b
}

func (w *words) next() uint32 { return binary.LittleEndian.Uint32(w.take(4)) }

func (w *words) text() string {
	n := w.next()
	if n > maxWord {
		w.short = true
	}
	return string(w.take(int(n)))
}
