package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// A commit is shared by at most maxBatch acts and, so that large dispatches do not
// make small ones wait for long, about maxRows rows: enough for the disk to stop
// being the limit, few enough for a commit to stay short.
const (
	maxBatch = 256
	maxRows  = 4096
)

// act is one business act on its way to the writer.
type act struct {
	ctx  context.Context //nolint:containedctx // the caller's, looked at before the act begins and never later
	rows int             // roughly how many rows it writes
	run  func(*tx) error
	err  error      // outcome of run, handed out after the commit
	done chan error // holds one answer, so that the writer never waits for a caller
}

// answer hands out the outcome; only the first answer counts.
func (a *act) answer(err error) {
	select {
	case a.done <- err:
	default:
	}
}

// do runs fn in a transaction and returns after the commit. fn may share the
// transaction with other acts, but it is undone alone when it fails; for that it
// may run twice, and only what its last run set counts. An act whose ctx has ended
// is not begun; once begun it is not interrupted, because its outcome must be
// known. rows says roughly how many rows fn writes.
func (s *Store) do(ctx context.Context, rows int, fn func(*tx) error) error {
	return s.doIn(ctx, s.acts, rows, fn)
}

// doAhead is do before all that waits. It is for the log alone, whose one sequencer takes its
// turns one after the other: behind everything that makes more for it, it would never catch up.
func (s *Store) doAhead(ctx context.Context, rows int, fn func(*tx) error) error {
	return s.doIn(ctx, s.ahead, rows, fn)
}

func (s *Store) doIn(ctx context.Context, queue chan<- *act, rows int, fn func(*tx) error) error {
	a := &act{ctx: ctx, rows: rows, run: fn, done: make(chan error, 1)}
	if err := s.enqueue(ctx, queue, a); err != nil {
		return err
	}
	return <-a.done
}

func (s *Store) enqueue(ctx context.Context, queue chan<- *act, a *act) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return hub.Errorf(hub.KindUnavailable, "", "", "the hub is stopping")
	}
	select {
	case queue <- a:
		return nil
	case <-ctx.Done():
		return hub.Internal("wait for the database", ctx.Err())
	}
}

// write is the one writer: it takes whatever waits, commits it together, and
// answers. It ends when the store is closed and nothing waits.
func (s *Store) write() {
	defer close(s.done)
	for {
		first := s.next()
		if first == nil {
			return
		}
		s.commit(s.gather(first))
	}
}

// next waits for an act; nil when the store is closed and nothing waits.
func (s *Store) next() *act {
	select {
	case a := <-s.ahead:
		if a != nil {
			return a
		}
	default:
	}
	select {
	case a := <-s.ahead:
		if a != nil {
			return a
		}
		return <-s.acts
	case a := <-s.acts:
		if a != nil {
			return a
		}
		return <-s.ahead
	}
}

// gather adds to the first act what already waits behind it, without waiting.
func (s *Store) gather(first *act) []*act {
	batch, rows := []*act{first}, first.rows
	for len(batch) < maxBatch && rows < maxRows {
		select {
		case next := <-s.acts:
			if next == nil {
				return batch // the store is closed
			}
			batch, rows = append(batch, next), rows+next.rows
		default:
			return batch
		}
	}
	return batch
}

// commit runs the acts of a batch and answers each: with its own outcome when the
// transaction committed, with the failure of the transaction otherwise.
func (s *Store) commit(batch []*act) {
	err := s.runBatch(batch)
	if err != nil {
		s.writer.reset() // whatever state the connection is in, nothing of the batch may stay
		if isDiskFailure(err) {
			s.fatal(err)
		}
	}
	for _, a := range batch {
		if a.err == nil {
			a.err = failed("commit", err)
		}
		a.answer(a.err)
	}
}

// runBatch begins, runs all acts and commits. It returns a failure of the
// transaction as a whole; outcomes of acts are left in them. Savepoints cost more
// than all else that a small act does, and acts hardly ever fail after they have
// begun to write: so the batch runs without them, and again with them if need be.
func (s *Store) runBatch(batch []*act) error {
	t, err := s.writer.begin()
	if err != nil {
		return err
	}
	run := runAct
	for i := 0; i < len(batch); i++ {
		err := run(t, batch[i])
		if errors.Is(err, errUndo) {
			if err := t.restart(); err != nil {
				return err
			}
			run, i = runInSavepoint, -1
			continue
		}
		if err != nil {
			return err
		}
	}
	if fault.AnswerBeforeCommit {
		for _, a := range batch {
			a.answer(a.err)
		}
		time.Sleep(5 * time.Millisecond) // a window that a kill can hit
	}
	return t.exec("COMMIT")
}

// errUndo says that an act failed after it had written.
var errUndo = errors.New("an act must be undone")

// runAct runs one act and leaves its outcome in it, unless its caller has gone.
// The error it returns is a failure of the transaction, or errUndo.
func runAct(t *tx, a *act) error {
	if gone := a.ctx.Err(); gone != nil {
		a.err = hub.Internal("wait for the database", gone)
		return nil
	}
	t.wrote = false
	a.err = a.run(t)
	switch {
	case endsTransaction(a.err):
		return a.err
	case a.err != nil && t.wrote:
		return errUndo
	}
	return nil
}

// runInSavepoint is runAct with a way back.
func runInSavepoint(t *tx, a *act) error {
	if err := t.exec("SAVEPOINT act"); err != nil {
		return err
	}
	err := runAct(t, a)
	if errors.Is(err, errUndo) {
		err = t.exec("ROLLBACK TO act")
	}
	if err != nil {
		return err
	}
	return t.exec("RELEASE act")
}
