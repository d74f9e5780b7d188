package packages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hikae/hosts"
	"hikae/hosts/rpmdb"
	"hikae/hosts/sqlite"
)

// historyPath is where dnf 4 keeps what it did.
const historyPath = "/var/lib/dnf/history.sqlite"

// maxHistory bounds, in bytes, the history and its log. Ten years of a server
// are some 20 MB.
const maxHistory = 512 << 20

// reason is why a package was installed: TransactionItemReason of libdnf's
// transaction/Types.hpp.
type reason int64

const (
	reasonUnknown        reason = 0
	reasonDependency     reason = 1
	reasonUser           reason = 2
	reasonWeakDependency reason = 4
)

// TransactionItemAction, of the same file.
const (
	actionInstall     = 1
	actionDowngrade   = 2
	actionDowngraded  = 3
	actionObsoleted   = 5
	actionUpgrade     = 6
	actionUpgraded    = 7
	actionRemove      = 8
	actionReinstall   = 9
	actionReinstalled = 10
)

// libdnf's TransactionState of one that was begun, and of one that ended well.
// One that failed has another.
const (
	transactionBegun = 0
	transactionDone  = 1
)

// Repositories that are none: what dnf writes for a package given as a file,
// and for one that it found installed.
const (
	repoCommandLine = "@commandline"
	repoSystem      = "@System"
)

// history is what dnf remembers of packages.
type history struct {
	reasons map[nameArch]since[reason]
	repos   map[nevra]since[string]
	// cut is what the last transaction was to install, if it was cut off.
	cut []cutItem
}

// cutItem is a package of a transaction that did not come to its end.
type cutItem struct {
	nevra
	why reason
}

type nevra struct {
	nameArch
	rpmdb.EVR
}

// since is a value and the transaction that set it: the newest counts.
type since[T any] struct {
	trans, item int64
	value       T
}

func (s since[T]) newer(trans, item int64) bool {
	return trans > s.trans || trans == s.trans && item > s.item
}

// readHistory reads dnf's history; it is empty where there is none. It is read
// until it is the same after the reading as before: dnf may be writing.
func readHistory(ctx context.Context, r hosts.Reader) (*history, error) {
	const tries = 5
	for range tries {
		before, err := historyState(ctx, r)
		if errors.Is(err, fs.ErrNotExist) {
			return &history{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read dnf's history: %w", err)
		}
		h, readErr := openHistory(ctx, r, before)
		after, err := historyState(ctx, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("cannot read dnf's history: %w", err)
		case before != after:
			continue
		case readErr != nil:
			return nil, fmt.Errorf("cannot read dnf's history %s: %w", historyPath, readErr)
		}
		return h, nil
	}
	return nil, errors.New("cannot read dnf's history: it kept changing while it was read")
}

// historyID is the contents of the database and of its log; zero where there is no
// log.
type historyID struct{ main, log hosts.Content }

// historyState costs no reading where the agent knows the files.
func historyState(ctx context.Context, r hosts.Reader) (s historyID, err error) {
	if s.main, err = r.Digest(ctx, historyPath); err != nil {
		return s, err
	}
	if s.log, err = r.Digest(ctx, historyPath+sqlite.WALSuffix); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, err
}

// openHistory reads the database and its log as they are by now.
func openHistory(ctx context.Context, r hosts.Reader, s historyID) (*history, error) {
	main, err := openSection(r, historyPath, s.main.Size)
	if err != nil {
		return nil, err
	}
	defer main.close()
	if s.log.ID.IsZero() {
		return parseHistory(ctx, main.SectionReader, nil)
	}
	log, err := openSection(r, historyPath+sqlite.WALSuffix, s.log.Size)
	if err != nil {
		return nil, err
	}
	defer log.close()
	return parseHistory(ctx, main.SectionReader, log.SectionReader)
}

// section is a file that is open to be read at any place.
type section struct {
	*io.SectionReader
	file io.Closer
}

func (s section) close() { _ = s.file.Close() } // it was read only

func openSection(r hosts.Reader, path string, size int64) (section, error) {
	if size > maxHistory {
		return section{}, fmt.Errorf("%s has more than %d bytes", path, maxHistory)
	}
	f, err := r.Open(path)
	if err != nil {
		return section{}, err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		b, err := io.ReadAll(io.LimitReader(f, size))
		if err != nil {
			return section{}, errors.Join(err, f.Close())
		}
		at = bytes.NewReader(b)
	}
	return section{io.NewSectionReader(at, 0, size), f}, nil
}

// parseHistory reads the tables of libdnf's sql/create.sql, version 1.1 and
// later. log may be nil.
func parseHistory(ctx context.Context, main, log *io.SectionReader) (*history, error) {
	db, err := sqlite.Open(main, log)
	if err != nil {
		return nil, err
	}
	done := map[int64]bool{}
	last, lastState := int64(-1), int64(transactionDone)
	// trans: id, dt_begin, dt_end, rpmdb_version_begin, rpmdb_version_end, releasever, user_id, cmdline, state
	err = scan(ctx, db, "trans", 9, func(id int64, c []sqlite.Value) {
		if c[8].Int() == transactionDone {
			done[id] = true
		}
		if id > last {
			last, lastState = id, c[8].Int()
		}
	})
	if err != nil {
		return nil, err
	}
	repoIDs := map[int64]string{}
	// repo: id, repoid
	if err := scan(ctx, db, "repo", 2, func(id int64, c []sqlite.Value) { repoIDs[id] = c[1].Bytes() }); err != nil {
		return nil, err
	}
	items := map[int64]nevra{}
	// rpm: item_id, name, epoch, version, release, arch
	err = scan(ctx, db, "rpm", 6, func(_ int64, c []sqlite.Value) {
		items[c[0].Int()] = nevra{nameArch{c[1].Bytes(), c[5].Bytes()},
			rpmdb.EVR{Epoch: uint32(c[2].Int()), Version: c[3].Bytes(), Release: c[4].Bytes()}} //nolint:gosec // a wrong epoch finds no package
	})
	if err != nil {
		return nil, err
	}
	h := &history{reasons: map[nameArch]since[reason]{}, repos: map[nevra]since[string]{}}
	// trans_item: id, trans_id, item_id, repo_id, action, reason, state
	err = scan(ctx, db, "trans_item", 7, func(id int64, c []sqlite.Value) {
		item, isPackage := items[c[2].Int()]
		trans, action := c[1].Int(), c[4].Int()
		if isPackage && trans == last && lastState == transactionBegun && installs(action) {
			h.cut = append(h.cut, cutItem{item, reason(c[5].Int())})
		}
		if isPackage && done[trans] {
			h.note(trans, id, item, c[4].Int(), reason(c[5].Int()), repoIDs[c[3].Int()])
		}
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

func installs(action int64) bool {
	return action == actionInstall || action == actionDowngrade || action == actionUpgrade || action == actionReinstall
}

// note takes in one item of a transaction, as libdnf's
// RPMItem::resolveTransactionItemReason looks at it: the packages that were
// replaced say nothing, and a removed one has no reason any more.
func (h *history) note(trans, id int64, item nevra, action int64, why reason, repo string) {
	switch action {
	case actionDowngraded, actionObsoleted, actionUpgraded, actionReinstalled:
		return
	case actionRemove:
		why = reasonUnknown
	case actionInstall, actionDowngrade, actionUpgrade, actionReinstall:
		if h.repos[item].newer(trans, id) {
			h.repos[item] = since[string]{trans, id, repo}
		}
	}
	if h.reasons[item.nameArch].newer(trans, id) {
		h.reasons[item.nameArch] = since[reason]{trans, id, why}
	}
}

// reason is why an installed package is there.
func (h *history) reason(p *rpmdb.Package) reason {
	return h.reasons[nameArch{p.Name, p.Arch}].value
}

// repo is where an installed package came from: "" for a file of one's own.
// It reports false where dnf does not know.
func (h *history) repo(p *rpmdb.Package) (string, bool) {
	s, ok := h.repos[nevra{nameArch{p.Name, p.Arch}, p.EVR()}]
	switch {
	case !ok, s.value == "", s.value == repoSystem:
		return "", false
	case s.value == repoCommandLine:
		return "", true
	}
	return s.value, true
}

// scan calls fn for each row of a table with its first n columns.
func scan(ctx context.Context, db *sqlite.DB, table string, n int, fn func(rowid int64, c []sqlite.Value)) error {
	return db.Scan(ctx, table, func(rowid int64, row sqlite.Row) error {
		c, err := row.Columns(n)
		if err != nil {
			return fmt.Errorf("table %s, row %d: %w", table, rowid, err)
		}
		fn(rowid, c)
		return nil
	})
}
