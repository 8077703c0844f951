package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// A commit is shared by at most maxBatch acts: enough for the disk to stop being
// the limit, few enough for a commit to stay short. An act of largeAct rows or
// more commits alone: small ones do not wait for it, and it needs no savepoint,
// which for many rows costs more than a commit.
const (
	maxBatch = 256
	largeAct = 300
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
// transaction with other acts, but it is undone alone when it fails. An act whose
// ctx has ended is not begun; once begun it is not interrupted, because its
// outcome must be known. rows says roughly how many rows fn writes.
func (s *Store) do(ctx context.Context, rows int, fn func(*tx) error) error {
	a := &act{ctx: ctx, rows: rows, run: fn, done: make(chan error, 1)}
	if err := s.enqueue(ctx, a); err != nil {
		return err
	}
	return <-a.done
}

func (s *Store) enqueue(ctx context.Context, a *act) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return hub.Errorf(hub.KindUnavailable, "", "", "the hub is stopping")
	}
	select {
	case s.acts <- a:
		return nil
	case <-ctx.Done():
		return hub.Internal("wait for the database", ctx.Err())
	}
}

// write is the one writer: it takes whatever waits, commits it together, and
// answers. It ends when the store is closed and nothing waits.
func (s *Store) write() {
	defer close(s.done)
	for next := range s.acts {
		for next != nil {
			var batch []*act
			batch, next = s.gather(next)
			s.commit(batch)
		}
	}
}

// gather adds to the first act what already waits behind it, without waiting. A
// large act that it meets is left for a batch of its own.
func (s *Store) gather(first *act) (batch []*act, left *act) {
	batch = []*act{first}
	for first.rows < largeAct && len(batch) < maxBatch {
		select {
		case next := <-s.acts: // nil when the store is closed and nothing waits
			if next == nil || next.rows >= largeAct {
				return batch, next
			}
			batch = append(batch, next)
		default:
			return batch, nil
		}
	}
	return batch, nil
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
// transaction as a whole; outcomes of acts are left in them.
func (s *Store) runBatch(batch []*act) error {
	t, err := s.writer.begin()
	if err != nil {
		return err
	}
	alone := len(batch) == 1
	for _, a := range batch {
		if a.err = a.ctx.Err(); a.err != nil {
			continue // the caller has gone and nothing has begun
		}
		if err := runAct(t, a, alone); err != nil {
			return err
		}
	}
	if alone && batch[0].err != nil {
		return t.exec("ROLLBACK")
	}
	if fault.AnswerBeforeCommit {
		for _, a := range batch {
			a.answer(a.err)
		}
		time.Sleep(5 * time.Millisecond) // a window that a kill can hit
	}
	return t.exec("COMMIT")
}

// runAct runs one act, inside a savepoint unless it is alone. The error it returns
// is a failure of the transaction itself; the act's own outcome is in a.err. When
// SQLite has rolled the whole transaction back (a full disk), the savepoint is
// gone too, and that fails the batch.
func runAct(t *tx, a *act, alone bool) error {
	if !alone {
		if err := t.exec("SAVEPOINT act"); err != nil {
			return err
		}
	}
	a.err = a.run(t)
	switch {
	case isDiskFailure(a.err):
		return a.err
	case alone:
		return nil
	case a.err != nil:
		if err := t.exec("ROLLBACK TO act"); err != nil {
			return errors.Join(a.err, err)
		}
	}
	return t.exec("RELEASE act")
}
