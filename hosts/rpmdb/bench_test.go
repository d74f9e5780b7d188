package rpmdb_test

import (
	"testing"

	"hikae/hosts/rpmdb/rpmdbtest"
)

func BenchmarkBDB800Packages60000Files(b *testing.B) {
	dir := b.TempDir()
	headers := rpmdbtest.Headers(rpmdbtest.EL8(1, rpmdbtest.DefaultPackages, rpmdbtest.DefaultFiles))
	if err := rpmdbtest.WriteDir(dir, rpmdbtest.BDB{}, headers); err != nil {
		b.Fatal(err)
	}
	benchmarkLoad(b, dir)
}

func BenchmarkBDBCentOS8(b *testing.B)    { benchmarkLoad(b, realDatabase(b, "centos8-modularitylabel")) }
func BenchmarkSQLiteOracle9(b *testing.B) { benchmarkLoad(b, realDatabase(b, "oraclelinux-9")) }

// benchmarkLoad reads all packages with all their files.
func benchmarkLoad(b *testing.B, dir string) {
	db := openDir(b, dir)
	b.ReportAllocs()
	for b.Loop() {
		files, pkgs := 0, 0
		for p, err := range db.Packages(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			f, err := p.Files()
			if err != nil {
				b.Fatal(err)
			}
			pkgs++
			files += len(f)
		}
		b.ReportMetric(float64(pkgs), "packages")
		b.ReportMetric(float64(files), "files")
	}
}

func BenchmarkStamp(b *testing.B) {
	db := openDir(b, realDatabase(b, "rockylinux-9"))
	for b.Loop() {
		if _, err := db.Stamp(); err != nil {
			b.Fatal(err)
		}
	}
}
