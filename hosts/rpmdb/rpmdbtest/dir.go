package rpmdbtest

import (
	"cmp"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"

	"hikae/hosts/rpmdb"
)

// WriteDir writes EL 8's database of the headers to dir: Packages, with records numbered from 1, and the indexes that rpm
// needs to find a package by its name, its files and what it provides or requires.
func WriteDir(dir string, layout BDB, headers [][]byte) error {
	order := cmp.Or[binary.ByteOrder](layout.Order, binary.LittleEndian)
	number := func(n uint32) []byte {
		b := make([]byte, 4)
		order.PutUint32(b, n)
		return b
	}
	pairs := []Pair{{number(0), number(uint32(len(headers)))}} // the highest number in use
	for i, h := range headers {
		pairs = append(pairs, Pair{number(uint32(i + 1)), h})
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := writeFile(dir, "Packages", layout, pairs); err != nil {
		return err
	}

	indexes := map[string]index{}
	for _, name := range indexNames {
		indexes[name] = index{}
	}
	db, err := rpmdb.OpenDir(os.DirFS(dir), ".")
	if err != nil {
		return err
	}
	for p, err := range db.Packages(context.Background()) {
		if err != nil {
			return err
		}
		indexes["Name"].add(p.Name, number(p.Num), number(0))
		paths, err := p.Paths()
		if err != nil {
			return err
		}
		for i, path := range paths {
			indexes["Basenames"].add(path[strings.LastIndexByte(path, '/')+1:], number(p.Num), number(uint32(i)))
		}
		for name, kind := range map[string]rpmdb.DepKind{"Providename": rpmdb.Provides, "Requirename": rpmdb.Requires} {
			deps, err := p.Deps(kind)
			if err != nil {
				return err
			}
			for i, d := range deps {
				indexes[name].add(d.Name, number(p.Num), number(uint32(i)))
			}
		}
	}
	for name, x := range indexes {
		var pairs []Pair
		for key, value := range x {
			pairs = append(pairs, Pair{[]byte(cmp.Or(key, "\x00")), value})
		}
		if err := writeFile(dir, name, layout, pairs); err != nil {
			return err
		}
	}
	return nil
}

// indexNames are the indexes that rpm opens. All but the first four stay empty here.
var indexNames = []string{
	"Name", "Basenames", "Providename", "Requirename",
	"Group", "Conflictname", "Obsoletename", "Triggername", "Dirnames", "Installtid", "Sigmd5", "Sha1header", "Filetriggername",
	"Transfiletriggername", "Recommendname", "Suggestname", "Supplementname", "Enhancename",
}

// An index has, for each key, pairs of a record number and an item's number in the tag that is indexed.
type index map[string][]byte

func (x index) add(key string, num, item []byte) {
	x[key] = append(append(x[key], num...), item...)
}

func writeFile(dir, name string, layout BDB, pairs []Pair) error {
	file, err := layout.Bytes(pairs)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), file, 0o644)
}
