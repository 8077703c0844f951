package blobdir_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/storage/blobdir"
)

// BenchmarkCommit measures durable commits of 200 KB per second.
func BenchmarkCommit(b *testing.B) {
	for _, perCore := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers-per-core=%d", perCore), func(b *testing.B) {
			d, err := blobdir.Open(blobdir.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			content := make([]byte, 200<<10)
			if _, err := rand.Read(content); err != nil {
				b.Fatal(err)
			}
			var count atomic.Uint64
			b.SetBytes(int64(len(content)))
			b.SetParallelism(perCore)
			b.RunParallel(func(pb *testing.PB) {
				mine := append([]byte(nil), content...)
				for pb.Next() {
					binary.LittleEndian.PutUint64(mine, count.Add(1)) // never the same content twice
					w, err := d.CreateBlob(b.Context())
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := w.Write(mine); err != nil {
						b.Error(err)
					}
					if _, _, err := w.Commit(); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
