package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// bellChannel carries the ids of agencies for which something arrived, separated by
// line ends.
const bellChannel = "lienthong_bell"

// maxPayload is what the server takes in one notification, in bytes, with some to spare.
const maxPayload = 7000

// RingOthers tells the other nodes that something arrived for agencies. It is no part
// of any act: a notification inside a transaction would make all commits of the
// cluster wait for one another.
func (s *Store) RingOthers(ctx context.Context, agencies ...hub.AgencyID) error {
	for len(agencies) > 0 {
		size, n := 0, 0
		for n < len(agencies) && size+len(agencies[n]) < maxPayload {
			size += len(agencies[n]) + 1
			n++
		}
		n = max(n, 1)
		if err := s.exec(ctx, "ring for the other nodes", "SELECT pg_notify($1, $2)", bellChannel, strings.Join(texts(agencies[:n]), "\n")); err != nil {
			return err
		}
		agencies = agencies[n:]
	}
	return nil
}

// Hear calls ring for every agency that a node rang for, this one included, until ctx
// ends. Whenever it has begun to listen, also after a broken connection, it calls
// resumed: what rang before was not heard.
func (s *Store) Hear(ctx context.Context, ring func(hub.AgencyID), resumed func()) error {
	for ctx.Err() == nil {
		if err := s.hear(ctx, ring, resumed); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the bell of the other nodes is not heard", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockPoll):
		}
	}
	return nil
}

func (s *Store) hear(ctx context.Context, ring func(hub.AgencyID), resumed func()) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return failed("connect to the database", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingLimit)
		defer cancel()
		_ = conn.Close(closing) // nothing hangs on it
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+bellChannel); err != nil {
		return failed("listen", err)
	}
	resumed()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return failed("listen", err)
		}
		for agency := range strings.SplitSeq(n.Payload, "\n") {
			ring(hub.AgencyID(agency))
		}
	}
}
