package amqp_test

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// BenchmarkPublish publishes with 64 callers, each waiting for its confirm.
func BenchmarkPublish(b *testing.B) {
	q := newWorld(b).open(b)
	list := ids("bench", 4096)
	var n atomic.Int64
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := q.Publish(b.Context(), list[n.Add(1)%int64(len(list))], false); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkConsume handles and acknowledges what lies in the queues.
func BenchmarkConsume(b *testing.B) {
	q, s := newWorld(b).open(b), newSeen()
	list := ids("bench", b.N)
	publish(b, q, 64, false, list)
	b.ResetTimer()
	consume(b, q, s)
	await(b, "all are handled", func() bool { return q.Stats().Consumed == int64(b.N) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
