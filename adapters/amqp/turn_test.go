package amqp

import (
	"slices"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// FuzzMessage: whatever lies in a queue is a dispatch or is put aside.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"dispatch":"01980000-0000-7000-8000-000000000001"}`))
	f.Add([]byte(`{"dispatch":""}`))
	f.Add([]byte(`{"dispatch":7}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		id, readable := dispatchOf(body)
		if readable && (id == "" || len(id) > 64 || len(body) > maxBody) {
			t.Errorf("%q of %d bytes", id, len(body))
		}
	})
}

// TestTurns: urgent work goes first, and leaves the rest a turn in nine.
func TestTurns(t *testing.T) {
	full := func() *inbox { return &inbox{ready: make([]amqp091.Delivery, 1)} }
	k := &consumer{urgent: full(), normal: full()}
	normal := 0
	for range 90 {
		if k.turn() == k.normal {
			normal++
		}
	}
	if normal != 10 {
		t.Errorf("%d of 90 turns were ordinary work's", normal)
	}
	k.urgent.ready = nil
	if k.turn() != k.normal {
		t.Error("ordinary work waits for nothing")
	}
	k.normal.ready = nil
	if k.turn() != nil {
		t.Error("a turn without work")
	}
}

// TestOrderOfTags: messages of several queues come into one order, whatever overtakes.
func TestOrderOfTags(t *testing.T) {
	box := &inbox{early: map[uint64]amqp091.Delivery{}, next: 1, arrived: make(chan amqp091.Delivery, 10)}
	for _, tag := range []uint64{2, 1, 5, 3, 6, 4} {
		box.arrived <- amqp091.Delivery{DeliveryTag: tag}
	}
	if box.idle() {
		t.Error("what has arrived is held")
	}
	box.collect()
	var tags []uint64
	for _, d := range box.ready {
		tags = append(tags, d.DeliveryTag)
	}
	if !slices.Equal(tags, []uint64{1, 2, 3, 4, 5, 6}) || len(box.early) != 0 {
		t.Errorf("order %v, early %v", tags, box.early)
	}
}

// TestBatches: what is suspicious comes alone, and no batch is too large.
func TestBatches(t *testing.T) {
	good := amqp091.Delivery{Body: []byte(`{"dispatch":"d"}`)}
	often := amqp091.Delivery{Body: good.Body, Headers: amqp091.Table{"x-delivery-count": int64(aloneFrom)}}
	oftenLater := amqp091.Delivery{Body: good.Body, Headers: amqp091.Table{"x-acquired-count": int64(aloneFrom)}}
	box := &inbox{ready: []amqp091.Delivery{good, good, {Body: []byte("?")}, often, oftenLater}}
	box.ready = append(box.ready, slices.Repeat([]amqp091.Delivery{good}, 300)...)
	var sizes []int
	for len(box.ready) > 0 {
		sizes = append(sizes, len(box.cut()))
	}
	if !slices.Equal(sizes, []int{2, 1, 1, 1, 128, 128, 44}) {
		t.Errorf("batches of %v", sizes)
	}
}
