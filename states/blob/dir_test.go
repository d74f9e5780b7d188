package blob_test

import (
	"testing"

	"hikae/states/blob"
	"hikae/states/blob/blobtest"
)

func TestDir(t *testing.T) {
	blobtest.Run(t, func(tb testing.TB) blob.Store {
		d, err := blob.OpenDir(tb.TempDir())
		if err != nil {
			tb.Fatal(err)
		}
		return d
	})
}
