package packages

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"hikae/engine"
	"hikae/hosts"
)

// driverSource is the program that makes the transaction, with dnf's own
// library: one process and one reading of the metadata, where the command
// line would need four (install, remove, and two marks), and could not do
// them in one transaction.
//
//go:embed driver.py
var driverSource string

// Where things are on a host.
const (
	stateDir = "/var/lib/hikae/dnf" // 0700: requests, events, rpm files on their way
	logDir   = "/var/log/hikae"
	keepLogs = 30
)

// maxEvents bounds, in bytes, what is read of what the driver says.
const maxEvents = 16 << 20

// driver makes one transaction on a host.
type driver struct {
	*Module
	host     hosts.Host
	progress func(string)

	read     int // bytes of events
	events   []event
	messages []string
}

// stage puts the rpm files of the wishes on the host and their paths into the
// request.
func (d *driver) stage(ctx context.Context, ws []wish, req *request, open func(hosts.Content) (io.ReadCloser, error)) error {
	if err := d.makeDirs(ctx); err != nil {
		return err
	}
	for i := range req.Install {
		it := &req.Install[i]
		w := ws[slices.IndexFunc(ws, func(w wish) bool { return w.addr == it.addr })]
		if w.file == nil {
			continue
		}
		it.File = path.Join(d.state(), w.file.ID.String()+".rpm")
		if err := d.put(ctx, it.File, *w.file, open); err != nil {
			return fmt.Errorf("cannot bring the rpm file of %s to the host: %w", w.addr.Name, err)
		}
	}
	return nil
}

func (d *driver) put(ctx context.Context, file string, c hosts.Content, open func(hosts.Content) (io.ReadCloser, error)) error {
	r, err := open(c)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	return d.host.Put(ctx, file, hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: c}, r)
}

// unstage removes the rpm files. One that stays does no harm.
func (d *driver) unstage(ctx context.Context, req request) {
	for _, it := range req.Install {
		if it.File != "" {
			_ = d.host.Remove(ctx, it.File)
		}
	}
}

// run makes the transaction and returns what of it could not be, and why.
func (d *driver) run(ctx context.Context, req request) (heldBack map[nameArch]event, err error) {
	if err := d.transact(ctx, req); err != nil {
		return nil, err
	}
	heldBack = map[nameArch]event{}
	for _, e := range d.events {
		if e.Event == eventHeldBack {
			heldBack[nameArch{e.Name, e.Arch}] = e
		}
	}
	return heldBack, nil
}

// transact starts the driver and follows it to its end.
func (d *driver) transact(ctx context.Context, req request) error {
	python, err := interpreter(d.host)
	if err != nil {
		return err
	}
	if err := d.makeDirs(ctx); err != nil {
		return err
	}
	req.Events, req.InstallRoot, req.LockWait = d.eventsPath(), d.installRoot, int(d.lockWait.Seconds())
	req.Log = path.Join(d.logs(), "dnf-"+time.Now().UTC().Format("20060102T150405.000000000")+".log")
	if err := d.write(ctx, req.Events, nil); err != nil {
		return err
	}
	text, err := json.Marshal(req)
	if err != nil {
		return err
	}
	requestPath := path.Join(d.state(), "request.json")
	if err := d.write(ctx, requestPath, text); err != nil {
		return err
	}
	// -I: nothing of the environment or of the working directory is imported.
	res, err := d.follow(ctx, []string{python, "-I", "-B", "-c", driverSource, requestPath})
	if err != nil {
		return fmt.Errorf("cannot run dnf: %w", err)
	}
	d.pruneLogs(ctx)
	return d.outcome(res, req.Log)
}

// interpreter is the Python that dnf runs on, from the first line of dnf
// itself: it alone has dnf's library.
func interpreter(r hosts.Reader) (string, error) {
	for _, p := range []string{"/usr/bin/dnf-3", "/usr/bin/dnf"} {
		f, err := r.Open(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("cannot run dnf: %w", err)
		}
		head, err := io.ReadAll(io.LimitReader(f, 256))
		_ = f.Close()
		if err != nil {
			return "", fmt.Errorf("cannot run dnf: %w", err)
		}
		line, _, _ := strings.Cut(string(head), "\n")
		if words := strings.Fields(strings.TrimPrefix(line, "#!")); strings.HasPrefix(line, "#!/") && strings.Contains(words[0], "python") {
			return words[0], nil
		}
		return "", fmt.Errorf("cannot change packages: %s is not dnf 4, the one that hikae can drive", p)
	}
	return "", errors.New("cannot change packages: this host has no dnf")
}

var errCutOff = errors.New("dnf was cut off")

// outcome is how the transaction ended, from the driver's last word.
func (d *driver) outcome(res hosts.Result, log string) error {
	if n := len(d.events); n > 0 {
		switch last := d.events[n-1]; last.Event {
		case eventDone:
			return nil
		case eventFailed:
			return d.failure(last, log)
		}
	}
	if what := lastLine(res.Stderr); what != "" {
		return fmt.Errorf("cannot change packages: %w: %s (see %s)", errCutOff, what, log)
	}
	return fmt.Errorf("cannot change packages: %w (see %s)", errCutOff, log)
}

func (d *driver) failure(e event, log string) error {
	items := strings.Join(e.Items, ", ")
	switch e.Kind {
	case failedUnavailable:
		return fmt.Errorf("cannot install %s: %w, or it is excluded", items, ErrUnavailable)
	case failedRemoves:
		return fmt.Errorf("%w: cannot remove packages: %s need them and are not to go; remove those too, or keep what they need", engine.ErrRefused, items)
	case failedNoStream:
		return fmt.Errorf("cannot set module streams: no repository of this host has %s", items)
	case failedDepsolve:
		return fmt.Errorf("cannot change packages: %s", meaningful(e.Text))
	case failedSignature:
		return fmt.Errorf("%w: cannot change packages: %s; import the key that you trust with a repo_key", engine.ErrRefused, strings.Join(e.Items, "; "))
	case failedLocked:
		return fmt.Errorf("cannot change packages: another package manager runs for more than %s: %s", d.lockWait, e.Text)
	case failedWrongFile:
		return fmt.Errorf("%w: cannot change packages: %s", engine.ErrRefused, e.Text)
	case failedNoDNF:
		return fmt.Errorf("cannot change packages: dnf's Python library is missing: %s", e.Text)
	case failedTransaction:
		return fmt.Errorf("cannot change packages: rpm could not finish with %s: %s (see %s)", items, meaningful(strings.Join(d.messages, "\n")), log)
	}
	return fmt.Errorf("cannot change packages: %s (see %s)", meaningful(e.Text+"\n"+strings.Join(d.messages, "\n")), log)
}

func (d *driver) state() string      { return d.installRoot + stateDir }
func (d *driver) logs() string       { return d.installRoot + logDir }
func (d *driver) eventsPath() string { return path.Join(d.state(), "events") }

func (d *driver) write(ctx context.Context, file string, text []byte) error {
	n := hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root"}
	n.Content.Size = int64(len(text))
	return d.host.Put(ctx, file, n, bytes.NewReader(text))
}

// makeDirs makes the directories that are not there.
func (d *driver) makeDirs(ctx context.Context) error {
	for _, dir := range []struct {
		path string
		mode uint32
	}{{path.Dir(d.state()), 0o700}, {d.state(), 0o700}, {d.logs(), 0o700}} {
		_, err := d.host.Stat(dir.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = d.host.Put(ctx, dir.path, hosts.Node{Type: hosts.Dir, Mode: dir.mode, Owner: "root", Group: "root"}, nil)
		}
		if err != nil {
			return fmt.Errorf("cannot make %s: %w", dir.path, err)
		}
	}
	return nil
}

// pruneLogs removes all but the newest logs; their names sort by time.
func (d *driver) pruneLogs(ctx context.Context) {
	names, err := d.host.ReadDir(d.logs())
	if err != nil {
		return
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "dnf-") || !strings.HasSuffix(n, ".log") })
	for _, n := range names[:max(0, len(names)-keepLogs)] {
		_ = d.host.Remove(ctx, path.Join(d.logs(), n))
	}
}
