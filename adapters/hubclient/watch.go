package hubclient

import (
	"context"
	"errors"
	"io"
	"time"
)

// Progress is told how many bytes of how many have passed; total is -1 when it
// is unknown. It is called often, in order, and not from several goroutines at
// once; after a retry it may start again from a smaller number.
type Progress func(done, total int64)

var errStalled = errors.New("no byte came or went for too long")

// watch ends a call that makes no progress, however long the call may take.
type watch struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
}

func newWatch(ctx context.Context, limit time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limit: limit, cancel: cancel}
	w.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	return ctx, w
}

func (w *watch) progressed() { w.timer.Reset(w.limit) }

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// watchedBody is the body of an answer; broken connections come out of Read as
// errors of KindUnavailable.
type watchedBody struct {
	io.ReadCloser
	watch *watch
	ctx   context.Context //nolint:containedctx // its cause explains why reading stopped
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.progressed()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreachable(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.end()
	return b.ReadCloser.Close()
}

// watchedSource is the body of a request.
type watchedSource struct {
	source   io.ReadCloser
	watch    *watch
	progress Progress
	done     int64
	total    int64
}

func (s *watchedSource) Read(p []byte) (int, error) {
	n, err := s.source.Read(p)
	if n > 0 {
		s.watch.progressed()
		s.done += int64(n)
		if s.progress != nil {
			s.progress(s.done, s.total)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

func (s *watchedSource) Close() error { return s.source.Close() }
