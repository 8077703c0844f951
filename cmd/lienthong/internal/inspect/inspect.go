// Package inspect checks that the stores of a hub hold what its receipts promise.
//
// Of every dispatch it checks: each original is there and has the digest and size
// that were accepted; each evidence is signed by the hub; the evidence of each
// recipient is one unbroken chain that leads to the state of its delivery and names its
// registration; the acceptance names exactly the sender, deliveries, parts and verdicts
// that are stored. It reads one
// snapshot and has one dispatch in memory for each processor, so it can run beside a
// working hub, over a history of any length.
//
// What is wrong is a Finding; an error means that the check could not be made.
package inspect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lienthong/lienthong/hub"
)

// State is what a store says of all dispatches.
type State interface {
	DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error
}

// Contents opens originals. Reading to the end may fail when one is damaged.
type Contents interface {
	OpenContent(ctx context.Context, digest hub.Digest) (io.ReadCloser, error)
}

// Receipts checks the signature of a receipt for an instant.
type Receipts interface {
	VerifyReceipt(receipt []byte, at time.Time) (hub.SealedEvidence, hub.SignatureReport, error)
}

// Options say what to check.
type Options struct {
	State    State
	Contents Contents // nil to leave originals out
	Receipts Receipts
	Quick    bool // look whether originals are there instead of reading them
	// Found is told each finding, Done how many dispatches are checked; one call at a
	// time. Done may be nil.
	Found func(Finding)
	Done  func(dispatches int64)
	// Closed are the years whose registers are closed, as the log says: what stands in them
	// now must be what stood there then. May be empty.
	Closed []hub.RegisterYear
}

// Finding is one thing wrong.
type Finding struct {
	Rule    string `json:"rule"`
	Subject string `json:"subject"` // such as "evidence 0190..."
	Message string `json:"message"`
}

// Summary counts what was checked.
type Summary struct {
	Dispatches int64                       `json:"dispatches"`
	Promised   int64                       `json:"promised"`   // recipients that acceptances name
	Deliveries int64                       `json:"deliveries"` // as stored
	States     map[hub.DeliveryState]int64 `json:"states"`
	Evidence   int64                       `json:"evidence"`
	Refused    int64                       `json:"refused"` // submissions
	Reports    int64                       `json:"reports"`
	Contents   int64                       `json:"contents"`
	Bytes      int64                       `json:"bytes"` // of contents; read unless the check is quick
	Findings   int64                       `json:"findings"`
}

// Run checks everything.
func Run(ctx context.Context, o Options) (Summary, error) {
	c := &checker{Options: o, total: Summary{States: map[hub.DeliveryState]int64{}}, seen: map[hub.Digest]bool{}, books: booksOf(o.Closed)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	err := o.State.DispatchFiles(ctx, func(d hub.DispatchFile) error {
		group.Go(func() error { return c.check(ctx, &d) })
		return ctx.Err()
	})
	if failed := group.Wait(); failed != nil {
		return c.total, failed
	}
	if err == nil {
		c.closedBooks()
	}
	return c.total, err
}

// checker is one run.
type checker struct {
	Options
	mu    sync.Mutex
	total Summary
	seen  map[hub.Digest]bool // contents that need no other look
	books map[book]*hub.BookSum
}

// maxSeen bounds the memory of contents; beyond it a content that several dispatches
// share is read for each.
const maxSeen = 1 << 20

func (c *checker) found(rule, subject, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Findings++
	c.Found(Finding{Rule: rule, Subject: subject, Message: fmt.Sprintf(format, args...)})
}

// content checks one original.
func (c *checker) content(ctx context.Context, part *hub.Part) error {
	if !c.first(part.Digest) {
		return nil
	}
	subject := "content " + part.Digest.String()
	in, err := c.Contents.OpenContent(ctx, part.Digest)
	if err != nil {
		return c.unread(ctx, subject, err)
	}
	defer in.Close()
	size := part.Size
	if sized, ok := in.(interface{ Size() int64 }); ok {
		size = sized.Size()
	}
	if !c.Quick {
		hash := sha256.New()
		if size, err = io.CopyBuffer(hash, struct{ io.Reader }{in}, make([]byte, 256<<10)); err != nil {
			return c.unread(ctx, subject, err)
		}
		if hub.Digest(hash.Sum(nil)) != part.Digest {
			c.found("content_digest", subject, "the bytes have another SHA-256")
		}
	}
	if size != part.Size {
		c.found("content_size", subject, "it has %d bytes, %d were accepted", size, part.Size)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Contents++
	c.total.Bytes += size
	return nil
}

func (c *checker) first(digest hub.Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[digest] {
		return false
	}
	if len(c.seen) < maxSeen {
		c.seen[digest] = true
	}
	return true
}

// unread turns an error about content into a finding, unless the store is away.
func (c *checker) unread(ctx context.Context, subject string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case hub.KindOf(err) == hub.KindNotFound:
		c.found("content_missing", subject, "it is not there")
	case hub.KindOf(err) == hub.KindUnavailable:
		return err
	default:
		c.found("content_damaged", subject, "it cannot be read: %v", cause(err))
	}
	return nil
}

// cause is what a person wants to know of an error.
func cause(err error) string {
	var e *hub.Error
	switch {
	case errors.As(err, &e) && e.Message != "" && e.Err != nil:
		return e.Message + ": " + e.Err.Error()
	case errors.As(err, &e) && e.Message != "":
		return e.Message
	}
	return err.Error()
}
