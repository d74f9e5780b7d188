package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"hikae/engine"
	"hikae/hosts"
)

// journalPath is written before an apply changes anything and removed when it
// is through: where it is found, an apply was cut off. It holds no bytes of
// files, and of a secret no more than its keyed name and its size.
const journalPath = engine.StateDir + "/journal"

const maxJournal = 256 << 20 // bytes

// journal is what has to be known to bring to its end, or to put back, what an
// apply had begun. It says what was meant; how far that came, the disk says.
type journal struct {
	h  hosts.Host
	mu sync.Mutex

	journalText
}

type journalText struct {
	Version int      `cbor:"1,keyasint"`
	Holder  string   `cbor:"2,keyasint"`
	Began   int64    `cbor:"3,keyasint"` // Unix seconds
	Kept    string   `cbor:"4,keyasint"` // where this apply keeps old bytes
	Dirs    []string `cbor:"5,keyasint"` // sorted: where temporary files may lie
	// Group is the one whose files are being changed; nil between groups.
	Group *journalGroup `cbor:"6,keyasint,omitempty"`
}

const journalVersion = 1

type journalGroup struct {
	Steps    []engine.Step    `cbor:"1,keyasint"`
	Services []journalService `cbor:"2,keyasint,omitempty"`
	Units    []string         `cbor:"3,keyasint,omitempty"` // known daemons that read the files
	Active   []string         `cbor:"4,keyasint,omitempty"` // units that ran before
	Undo     bool             `cbor:"5,keyasint,omitempty"` // it failed and is being put back
}

// journalService is the change of a unit: its attributes before and after, in
// cty's JSON.
type journalService struct {
	Name   string        `cbor:"1,keyasint"`
	Action engine.Action `cbor:"2,keyasint"`
	Before []byte        `cbor:"3,keyasint,omitempty"`
	After  []byte        `cbor:"4,keyasint,omitempty"`
}

// open begins the journal of an apply. The directories in which its files are
// written are told at once, so that few are added one by one.
func (j *journal) open(ctx context.Context, holder, kept string, changes []engine.Change) error {
	j.journalText = journalText{Version: journalVersion, Holder: holder, Began: time.Now().Unix(), Kept: kept}
	for _, c := range changes {
		if strings.HasPrefix(c.Addr.Name, "/") {
			j.Dirs = append(j.Dirs, existing(j.h, path.Dir(c.Addr.Name)))
		}
	}
	slices.Sort(j.Dirs)
	j.Dirs = slices.Compact(j.Dirs)
	if err := mkdirs(ctx, j.h, engine.StateDir, putNow); err != nil {
		return err
	}
	if n, err := j.h.Stat(engine.StateDir); err == nil && n.Mode != 0o700 { // made by another's hand
		n.Mode, n.ACL = 0o700, ""
		if err := j.h.Put(ctx, engine.StateDir, n, nil); err != nil {
			return err
		}
	}
	// Files are synced once more before the first is renamed (modules/file).
	if !slices.ContainsFunc(changes, func(c engine.Change) bool { return c.Addr.Kind != "file" }) {
		return j.writeBy(ctx, putSoon)
	}
	return j.write(ctx)
}

// existing is the nearest directory at or above dir that is there.
func existing(h hosts.Reader, dir string) string {
	for dir != "/" {
		if n, err := h.Stat(dir); err == nil && n.Type == hosts.Dir {
			break
		}
		dir = path.Dir(dir)
	}
	return dir
}

// note adds a directory, before something is made in it.
func (j *journal) note(dir string) error {
	if dir == engine.StateDir || strings.HasPrefix(dir, engine.StateDir+"/") {
		return nil // swept whatever the journal says
	}
	j.mu.Lock()
	at, known := slices.BinarySearch(j.Dirs, dir)
	if !known {
		j.Dirs = slices.Insert(j.Dirs, at, dir)
	}
	j.mu.Unlock()
	if known {
		return nil
	}
	return j.write(context.Background())
}

// begin records a group before its first file is changed.
func (j *journal) begin(ctx context.Context, g *group, steps []engine.Step, before map[string]unitState, s engine.Schema) error {
	rec := &journalGroup{Steps: steps}
	for _, u := range g.units {
		rec.Units = append(rec.Units, u.Name)
	}
	for name, st := range before {
		if st.active() {
			rec.Active = append(rec.Active, name)
		}
	}
	slices.Sort(rec.Active)
	for _, c := range g.services {
		js := journalService{Name: c.Addr.Name, Action: c.Action}
		var err error
		if js.Before, err = encodeValue(c.Before, s); err != nil {
			return err
		}
		if js.After, err = encodeValue(c.After, s); err != nil {
			return err
		}
		rec.Services = append(rec.Services, js)
	}
	j.Group = rec
	return j.write(ctx)
}

func encodeValue(r *engine.Resource, s engine.Schema) ([]byte, error) {
	if r == nil || r.Value == cty.NilVal {
		return nil, nil
	}
	return ctyjson.Marshal(r.Value, s.ObjectType())
}

// undo records that the group is being put back.
func (j *journal) undo(ctx context.Context) error {
	if j.Group == nil {
		return nil
	}
	j.Group.Undo = true
	return j.write(ctx)
}

// end records that the group is through, or put back.
func (j *journal) end(ctx context.Context) error {
	j.Group = nil
	return j.write(ctx)
}

// close removes the journal, unless a group could neither be finished nor be
// put back: then the next apply tries again.
func (j *journal) close(ctx context.Context) error {
	if j.Group != nil {
		return nil
	}
	if err := j.h.Remove(ctx, journalPath); err != nil {
		return fmt.Errorf("cannot end the journal: %w", err)
	}
	return nil
}

// write puts the journal on disk.
func (j *journal) write(ctx context.Context) error { return j.writeBy(ctx, putNow) }

func (j *journal) writeBy(ctx context.Context, by put) error {
	j.mu.Lock()
	b, err := journalEnc.Marshal(j.journalText)
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	n := hosts.Node{Type: hosts.File, Mode: 0o600, Owner: "root", Group: "root", Content: hosts.Content{Size: int64(len(b))}}
	if err := by(ctx, j.h, journalPath, n, bytes.NewReader(b)); err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	return nil
}

// readJournal reads what an apply that was cut off has left; nil for nothing.
func readJournal(h hosts.Reader) (*journalText, error) {
	b, err := hosts.ReadFile(h, journalPath, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what an earlier apply left: %w", err)
	}
	var text journalText
	if err := journalDec.Unmarshal(b, &text); err != nil || text.Version != journalVersion {
		return nil, fmt.Errorf("cannot read %s, in which an apply that was cut off says what it was doing: it is of another version of hikae, or damaged; apply with that version, or compare the files with those in %s and remove it", journalPath, engine.Kept)
	}
	return &text, nil
}

// cut says for a person whose apply it was.
func (t *journalText) cut() string {
	who := t.Holder
	if who == "" {
		who = "an unknown controller"
	}
	return fmt.Sprintf("an apply by %s, begun %s", who, time.Unix(t.Began, 0).UTC().Format(time.RFC3339))
}

// Paths and attributes are raw bytes, so text is written as bytes.
var (
	journalEnc, _ = cbor.EncOptions{Sort: cbor.SortBytewiseLexical, String: cbor.StringToByteString}.EncMode()
	journalDec, _ = cbor.DecOptions{
		ByteStringToString: cbor.ByteStringToStringAllowed, DupMapKey: cbor.DupMapKeyEnforcedAPF,
		MaxArrayElements: 8 << 20, MaxMapPairs: 1 << 20,
	}.DecMode()
)
