package rpmdb

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A Stamp is a cheap fingerprint of the database: equal stamps mean that nothing was installed, removed or imported in
// between. It is comparable with ==, and costs two stat calls.
//
// sqlite's shared-memory index (rpmdb.sqlite-shm) is not in it on purpose: each mere query by rpm touches that, and all it
// tells follows from the log.
type Stamp struct {
	DB  FileStamp // rpmdb.sqlite or Packages
	Log FileStamp // rpmdb.sqlite-wal; zero when there is none, or for Berkeley DB
}

// A FileStamp tells whether a file is the one it was. The zero FileStamp is that of a file that does not exist.
type FileStamp struct {
	Dev, Ino uint64
	Size     int64 // bytes
	MTime    int64 // nanoseconds since 1970
	CTime    int64 // nanoseconds since 1970; 0 where the file system does not tell
}

// Stamp returns the database's fingerprint now.
func (db *DB) Stamp() (Stamp, error) {
	var s Stamp
	var err error
	if s.DB, err = fileStamp(db.fsys, db.name); err != nil {
		return Stamp{}, db.errorf(err)
	}
	if db.kind != SQLite {
		return s, nil
	}
	if s.Log, err = fileStamp(db.fsys, db.name+walSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Stamp{}, fmt.Errorf("cannot read %s%s: %w", db.Path(), walSuffix, err)
	}
	return s, nil
}

func (s Stamp) newest() time.Time {
	return time.Unix(0, max(s.DB.MTime, s.DB.CTime, s.Log.MTime, s.Log.CTime))
}

func fileStamp(fsys fs.FS, name string) (FileStamp, error) {
	fi, err := fs.Stat(fsys, name)
	if err != nil {
		return FileStamp{}, pathless(err)
	}
	if !fi.Mode().IsRegular() { // said before it is opened: opening a pipe would block
		return FileStamp{}, errNotRegular
	}
	s := FileStamp{Size: fi.Size(), MTime: fi.ModTime().UnixNano()}
	s.fromSys(fi.Sys())
	return s, nil
}
