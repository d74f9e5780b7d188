package rpmdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"hikae/hosts/sqlite"
)

const walSuffix = sqlite.WALSuffix

// readSQLite reads the headers of an rpmdb.sqlite whose main file is main.
func (db *DB) readSQLite(ctx context.Context, main *source) ([]record, error) {
	if err := db.refuseHotJournal(); err != nil {
		return nil, err
	}
	log, err := openSource(db.fsys, db.name+walSuffix)
	switch {
	case err == nil:
		defer log.close()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("its log %s: %w", walSuffix, err)
	}
	return readSQLite(ctx, main, log)
}

// refuseHotJournal fails when a transaction in rollback mode is under way or was cut off: the main file may then hold half
// of it. rpm makes such a journal only while it parks a database; its next start rolls it back.
func (db *DB) refuseHotJournal() error {
	name := db.name + sqlite.JournalSuffix
	if _, err := fileStamp(db.fsys, name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	j, err := openSource(db.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its journal %s: %w", sqlite.JournalSuffix, err)
	}
	defer j.close()
	head := make([]byte, len(sqlite.JournalMagic))
	if j.size < int64(len(head)) {
		return nil
	}
	if err := j.readAt(head, 0); err != nil {
		return fmt.Errorf("its journal %s: %w", sqlite.JournalSuffix, err)
	}
	if string(head) == sqlite.JournalMagic {
		return fmt.Errorf("a transaction is half done (%s%s is there): when none is running, any rpm command as root puts it back", db.Path(), sqlite.JournalSuffix)
	}
	return nil
}

// readSQLite reads the headers from a database and its log, which may be nil.
func readSQLite(ctx context.Context, main, log *source) ([]record, error) {
	f, err := sqlite.Open(main.section(), log.section())
	if err != nil {
		return nil, pathless(err)
	}
	var recs []record
	// CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL): hnum is the rowid
	err = f.Scan(ctx, "Packages", func(rowid int64, row sqlite.Row) error {
		if rowid < 1 || rowid > 1<<32-1 {
			return fmt.Errorf("row %d is not a record number", rowid)
		}
		cols, err := row.Columns(2)
		if err != nil {
			return fmt.Errorf("record %d: %w", rowid, err)
		}
		if !cols[1].IsBlob() {
			return fmt.Errorf("record %d: its header is not a blob", rowid)
		}
		recs = append(recs, record{uint32(rowid), cols[1].Bytes()})
		return nil
	})
	if err != nil {
		return nil, pathless(err)
	}
	return recs, nil
}

// section is the file as hosts/sqlite takes it; nil for none.
func (s *source) section() *io.SectionReader {
	if s == nil {
		return nil
	}
	return io.NewSectionReader(s, 0, s.size)
}
