package faulttest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const senders = 6

// load drives one life of a hub: senders submit, one collector per recipient
// leases, downloads, acknowledges and registers. It ends when the hub does or
// when ctx is cancelled. Every answer goes into the record.
type load struct {
	keys    keys
	record  *record
	counter *atomic.Int64
	slow    bool            // collectors sometimes leave a lease unfinished
	first   int             // recipients before this one get nothing
	pace    time.Duration   // what a sender waits after each document
	audited map[string]bool // external ids whose promises were checked; of the test's goroutine
}

func (l *load) run(ctx context.Context, url string) {
	var group sync.WaitGroup
	for range senders {
		group.Go(func() { l.send(ctx, newClient(url, l.keys.sender)) })
	}
	for _, key := range l.keys.recipients {
		group.Go(func() { l.collect(ctx, newClient(url, key)) })
	}
	group.Wait()
}

func (l *load) send(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		err := submitRecorded(ctx, c, l.record, l.newDocument())
		var no *refused
		if err != nil && !errors.As(err, &no) {
			return
		}
		if err != nil {
			l.record.refuse(no)
			pause(ctx)
		}
		if l.pace > 0 {
			time.Sleep(l.pace)
		}
	}
}

// pause is what a client waits that was told to come again.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// submitRecorded sends one document and records the promise. Only an answer is
// a promise; a broken connection leaves the outcome unknown.
func submitRecorded(ctx context.Context, c *client, r *record, d document) error {
	r.attempt(d)
	send := c.submit
	if d.chunked {
		send = c.upload
	}
	a, err := send(ctx, senderCode, d)
	if err != nil {
		return err
	}
	r.accept(d, a)
	return nil
}

func (l *load) newDocument() document {
	content := make([]byte, 2048+mathrand.IntN(8192))
	rand.Read(content)
	sum := sha256.Sum256(content)
	of := recipientCount - l.first
	begin, count := mathrand.IntN(of), 1+mathrand.IntN(3)
	var recipients []string
	for i := range count {
		recipients = append(recipients, recipientCode(l.first+(begin+i)%of))
	}
	return document{
		externalID: fmt.Sprintf("crash-%06d", l.counter.Add(1)),
		content:    content, sha256: hex.EncodeToString(sum[:]), recipients: recipients,
	}
}

func (l *load) collect(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		items, err := c.lease(ctx, 4)
		if err != nil {
			var no *refused
			if errors.As(err, &no) {
				pause(ctx)
				continue
			}
			return
		}
		for _, it := range items {
			if l.slow && mathrand.IntN(10) == 0 {
				continue // the lease runs out by itself
			}
			if err := l.collectOne(ctx, c, it); err != nil {
				var no *refused
				if errors.As(err, &no) {
					continue
				}
				return
			}
		}
		if len(items) == 0 {
			pause(ctx) // a client that asks again at once takes the machine from the hub
		}
	}
}

func (l *load) collectOne(ctx context.Context, c *client, it item) error {
	digests := map[string]string{}
	for _, p := range it.Dispatch.Parts {
		digest, err := c.fetch(ctx, it.Dispatch.ID, p.ID)
		if err != nil {
			return err
		}
		digests[p.ID] = digest
	}
	receipt, err := c.acknowledge(ctx, it.Delivery, digests)
	if err != nil {
		return err
	}
	l.record.handOver(it.Delivery.ID, receipt)
	if mathrand.IntN(2) == 0 {
		_, err = c.register(ctx, it.Delivery, fmt.Sprint(mathrand.IntN(1e6)))
	}
	return err
}

// settle retries every document of unknown outcome with its key, as a sender
// would after a broken connection.
func (l *load) settle(ctx context.Context, url string) error {
	c := newClient(url, l.keys.sender)
	for _, d := range l.record.unresolved() {
		if err := submitRecorded(ctx, c, l.record, d); err != nil {
			return fmt.Errorf("retry of %s: %w", d.externalID, err)
		}
	}
	return nil
}

// repeat sends some documents that were accepted again and wants the same
// receipt, byte for byte; record.accept notes a difference.
func (l *load) repeat(ctx context.Context, url string, count int) error {
	c := newClient(url, l.keys.sender)
	for _, p := range l.record.snapshot().accepted {
		if count--; count < 0 {
			return nil
		}
		a, err := c.submit(ctx, senderCode, p.document)
		if err != nil {
			return fmt.Errorf("repetition of %s: %w", p.document.externalID, err)
		}
		l.record.accept(p.document, a)
		if !a.Duplicate {
			l.record.accept(p.document, accepted{Receipt: []byte("not called a duplicate")})
		}
	}
	return nil
}

// drain collects until every box is empty and returns the deliveries seen, to
// show that nothing that was promised stays unseen.
func (l *load) drain(ctx context.Context, url string) (map[string]bool, error) {
	seen := map[string]bool{}
	for _, key := range l.keys.recipients {
		c := newClient(url, key)
		for {
			items, err := c.lease(ctx, 100)
			if err != nil {
				return nil, err
			}
			if len(items) == 0 {
				break
			}
			for _, it := range items {
				seen[it.Delivery.ID] = true
				if err := l.collectOne(ctx, c, it); err != nil {
					return nil, fmt.Errorf("drain %s: %w", it.Delivery.ID, err)
				}
			}
		}
	}
	return seen, nil
}
