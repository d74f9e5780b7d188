// Mkbdb writes an rpm database in the form of EL 8, Berkeley DB, to a directory: invented, or the packages of another host.
//
//	go run ./hosts/rpmdb/rpmdbtest/mkbdb [-packages N] [-files N] [-seed N] DIR
//	go run ./hosts/rpmdb/rpmdbtest/mkbdb -from ROOT DIR
//
// rpm 4.16 and later reads it with: rpm --dbpath DIR --define '_db_backend bdb_ro' -qa
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"hikae/hosts/rpmdb"
	"hikae/hosts/rpmdb/rpmdbtest"
)

func main() {
	packages := flag.Int("packages", rpmdbtest.DefaultPackages, "how many packages to invent")
	files := flag.Int("files", rpmdbtest.DefaultFiles, "how many files they have, about")
	seed := flag.Uint64("seed", 1, "another seed, other packages")
	from := flag.String("from", "", "take the packages of the host with this root directory")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *from, *seed, *packages, *files); err != nil {
		fmt.Fprintln(os.Stderr, "mkbdb:", err)
		os.Exit(1)
	}
}

func run(dir, from string, seed uint64, packages, files int) error {
	if from == "" {
		return rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, rpmdbtest.Headers(rpmdbtest.EL8(seed, packages, files)))
	}
	db, err := rpmdb.Open(os.DirFS(from))
	if err != nil {
		return err
	}
	var headers [][]byte
	for p, err := range db.Packages(context.Background()) {
		if err != nil {
			return err
		}
		headers = append(headers, []byte(p.RawHeader()))
	}
	return rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, headers)
}
