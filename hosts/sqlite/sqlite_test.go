package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"hikae/hosts/hosttest"
	"hikae/hosts/sqlite"
)

// The databases in testdata were made by sqlite 3.40 with pages of 512 bytes;
// log.sqlite is values.sqlite with a log that was never taken in.

func load(t testing.TB, name string) (main, log []byte) {
	t.Helper()
	main, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	log, err = os.ReadFile("testdata/" + name + sqlite.WALSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return main, log
}

func open(main, log []byte) (*sqlite.DB, error) {
	section := func(b []byte) *io.SectionReader {
		if b == nil {
			return nil
		}
		return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
	}
	return sqlite.Open(section(main), section(log))
}

func rows(t testing.TB, name string) map[int64][]sqlite.Value {
	t.Helper()
	db, err := open(load(t, name))
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64][]sqlite.Value{}
	err = db.Scan(context.Background(), "t", func(rowid int64, row sqlite.Row) error {
		cols, err := row.Columns(5)
		got[rowid] = cols
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestValues(t *testing.T) {
	got := rows(t, "values.sqlite")
	if len(got) != 60 {
		t.Fatalf("%d rows, want 60", len(got))
	}
	for id, want := range map[int64]int64{
		1: 0, 2: 1, 3: -1, 4: 127, 5: -128, 6: 32767, 7: -8388608, 8: 1 << 31, 9: 1<<47 - 1,
		10: math.MinInt64, 11: math.MaxInt64, 12: 0 /* a float is no integer */, 13: 0, 60: 60000,
	} {
		if n := got[id][1].Int(); n != want {
			t.Errorf("row %d: %d, want %d", id, n, want)
		}
	}
	if !got[13][1].IsNull() || !got[1][0].IsNull() || got[1][1].IsNull() {
		t.Error("null is not told from a value")
	}
	if s := got[3][2].Bytes(); s != "Grüße" || got[3][2].IsBlob() {
		t.Errorf("text %q", s)
	}
	if b := got[2][3]; b.Bytes() != "\x00\xff" || !b.IsBlob() {
		t.Errorf("blob %q", b.Bytes())
	}
	if s := got[60][2].Bytes(); s != strings.Repeat("y", 1200) { // on overflow pages
		t.Errorf("long text of %d bytes", len(s))
	}
	if s := got[6][1].Bytes(); s != "" {
		t.Errorf("an integer's bytes are %q", s)
	}
}

func TestLog(t *testing.T) {
	got := rows(t, "log.sqlite")
	if len(got) != 11 || got[100] == nil || got[100][2].Bytes() != "in the log" || got[50] != nil {
		t.Errorf("%d rows", len(got))
	}
}

func TestErrors(t *testing.T) {
	main, _ := load(t, "values.sqlite")
	db, err := open(main, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ignore := func(int64, sqlite.Row) error { return nil }
	if err := db.Scan(ctx, "t", ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	if err := db.Scan(t.Context(), "none", ignore); err == nil || !strings.Contains(err.Error(), "no table none") {
		t.Errorf("no such table: error %v", err)
	}
	// A table can be scanned again.
	for range 2 {
		if err := db.Scan(t.Context(), "t", ignore); err != nil {
			t.Error(err)
		}
	}
	if _, err := open([]byte("nonsense"), nil); err == nil {
		t.Error("nonsense is opened")
	}
}

func FuzzScan(f *testing.F) {
	for _, name := range []string{"values.sqlite", "log.sqlite"} {
		main, log := load(f, name)
		f.Add(main, log)
	}
	f.Fuzz(func(t *testing.T, main, log []byte) {
		// Memory is bounded by the size of the file; each row is held once.
		most := 8<<20 + 40*uint64(len(main)+len(log))
		hosttest.Bounded(t, most, 10*time.Second, func() {
			db, err := open(main, log)
			if err != nil {
				return
			}
			_ = db.Scan(context.Background(), "t", func(_ int64, row sqlite.Row) error {
				cols, err := row.Columns(3)
				for _, c := range cols {
					_, _ = c.Int(), c.Bytes()
				}
				return err
			})
		})
	})
}
