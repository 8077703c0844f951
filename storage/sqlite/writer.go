package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// maxBatch bounds how many acts share one commit: enough for the disk to stop
// being the limit, few enough for a commit to stay short.
const maxBatch = 256

// act is one business act on its way to the writer.
type act struct {
	ctx  context.Context //nolint:containedctx // the caller's, looked at before the act begins
	run  func(tx *sql.Tx) error
	done chan error
	err  error // outcome of run, handed out after the commit
}

// do runs fn in a transaction and returns after the commit. fn may run in the
// same transaction as other acts, but it is undone alone when it fails. Once
// begun, an act is not interrupted by ctx: its outcome must be known.
func (s *Store) do(ctx context.Context, fn func(tx *sql.Tx) error) error {
	a := &act{ctx: ctx, run: fn, done: make(chan error, 1)}
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
	for first := range s.acts {
		batch := []*act{first}
		for len(batch) < maxBatch {
			select {
			case next, ok := <-s.acts:
				if !ok {
					s.commit(batch)
					return
				}
				batch = append(batch, next)
				continue
			default:
			}
			break
		}
		s.commit(batch)
	}
}

// commit runs the acts of a batch and answers each: with its own outcome when
// the transaction committed, with the failure of the commit otherwise.
func (s *Store) commit(batch []*act) {
	err := s.runBatch(batch)
	for _, a := range batch {
		if err != nil {
			a.err = hub.Internal("commit", err)
		}
		a.done <- a.err
	}
}

func (s *Store) runBatch(batch []*act) error {
	ctx := context.Background() // a commit is never interrupted half-way
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, a := range batch {
		if a.err = a.ctx.Err(); a.err != nil {
			continue // the caller has gone and nothing has begun
		}
		if err := runAct(ctx, tx, a); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if fault.AnswerBeforeCommit {
		for _, a := range batch {
			a.done <- a.err
			a.done = make(chan error, 1)
		}
		time.Sleep(5 * time.Millisecond) // a window that a kill can hit
	}
	return tx.Commit()
}

// runAct runs one act inside a savepoint. The error it returns is a failure of
// the transaction itself; the act's own outcome is in a.err.
func runAct(ctx context.Context, tx *sql.Tx, a *act) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT act"); err != nil {
		return err
	}
	if a.err = a.run(tx); a.err != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO act"); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "RELEASE act")
	return err
}
