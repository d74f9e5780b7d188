package rpmdb

import (
	"context"
	"testing/fstest"
)

// What the fuzz tests reach below the API.

// ReadBDB reads the bytes of a Packages file.
func ReadBDB(file []byte) ([]*Package, error) {
	return loadOnce(&DB{fsys: mapFS("Packages", file), name: "Packages", kind: BerkeleyDB})
}

// ReadSQLite reads the bytes of an rpmdb.sqlite and, if it is not nil, of its log.
func ReadSQLite(file, log []byte) ([]*Package, error) {
	fsys := mapFS("rpmdb.sqlite", file)
	if log != nil {
		fsys["rpmdb.sqlite-wal"] = &fstest.MapFile{Data: log}
	}
	return loadOnce(&DB{fsys: fsys, name: "rpmdb.sqlite", kind: SQLite})
}

// ParsePackage reads a header.
func ParsePackage(blob string) (*Package, error) {
	p, err := newPackage(record{1, blob})
	if err == nil {
		_ = p.header.checkDigest()
	}
	return p, err
}

// SignatureKeyID reads an OpenPGP packet.
func SignatureKeyID(packet []byte) string { return signatureKeyID(packet) }

func mapFS(name string, file []byte) fstest.MapFS {
	return fstest.MapFS{name: &fstest.MapFile{Data: file}}
}

// loadOnce reads without looking at digests, which would keep what is damaged from the decoder.
func loadOnce(db *DB) ([]*Package, error) {
	recs, err := db.records(context.Background())
	if err != nil {
		return nil, err
	}
	pkgs := make([]*Package, len(recs))
	for i, r := range recs {
		if pkgs[i], err = newPackage(r); err != nil {
			return nil, err
		}
		_ = pkgs[i].header.checkDigest()
	}
	return pkgs, nil
}
