package cli

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// compare replays the log beside the rows of the stores. Checkpoints were asked for
// before the rows are read: what they cover must be in the stores. What is in the stores
// must be in the log, or come into it within the limit.
func (c *auditCommand) compare(ctx context.Context, a *logAudit, heads []logHead) error {
	certificate, err := certificates(c.Certificate, c.Config.Certificates)
	if err != nil {
		return err
	}
	stores, err := app.OpenStores(ctx, c.Config, newLog(a.env.Stderr, "error", c.Config.LogFormat))
	if err != nil {
		return err
	}
	defer stores.Close() //nolint:errcheck // was only read
	rows, err := audit.Compare(logRows(ctx, stores), a.found)
	if err != nil {
		return err
	}
	defer rows.Close()
	if a.Logs, err = a.replay(ctx, heads, rows.Entry); err != nil {
		return err
	}
	waiting, err := rows.Rest()
	if err != nil {
		return err
	}
	rows.Close() // the instant of the rows is held no longer than needed
	if err := c.await(ctx, a, rows, waiting); err != nil {
		return err
	}
	rows.End()
	a.Rows = rows.Rows
	found := func(f inspect.Finding) { a.found(f.Rule, "%s: %s", f.Subject, f.Message) }
	_, err = inspectStores(ctx, inspect.Options{State: stores, Found: found}, certificate)
	return err
}

// logRows reads the rows that concern the log.
func logRows(ctx context.Context, stores *app.Stores) func(yield func(hub.LogRow, error) bool) {
	return func(yield func(hub.LogRow, error) bool) {
		err := stores.LogRows(ctx, func(row hub.LogRow) error {
			if !yield(row, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(hub.LogRow{}, err)
		}
	}
}

// errEnough ends the reading of rows.
var errEnough = errors.New("no more rows are wanted")

// await reads what comes into the log until it holds all that waited for it.
func (c *auditCommand) await(ctx context.Context, a *logAudit, rows *audit.Comparison, waiting int) error {
	for deadline := time.Now().Add(c.Wait); waiting > 0 && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Until(deadline), time.Second/4)):
		}
		heads, err := a.heads(ctx, time.Time{})
		if err != nil {
			return err
		}
		_, err = a.replay(ctx, heads, func(_ string, _ int64, data []byte) error {
			waiting = rows.Later(data)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
